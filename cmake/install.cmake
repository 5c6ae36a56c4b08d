# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` lays down: the binary, the unit, the default configuration.
include(GNUInstallDirs)
install(TARGETS pgcaretaker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
