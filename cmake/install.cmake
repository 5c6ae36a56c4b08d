# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` lays down: the binary, the unit with its user and directories, the default
# configuration, and what an operator may want to copy. For a whole system add  --prefix /usr
include(GNUInstallDirs)

# systemd also reads these below /usr/local/lib, so both usual prefixes work.
set(PGCARETAKER_UNIT_DIR "lib/systemd/system" CACHE STRING "Where the systemd unit goes")
set(PGCARETAKER_SYSUSERS_DIR "lib/sysusers.d" CACHE STRING "Where the sysusers.d file goes")
set(PGCARETAKER_TMPFILES_DIR "lib/tmpfiles.d" CACHE STRING "Where the tmpfiles.d file goes")
# Not below the prefix: the binary looks for its configuration here and nowhere else by itself.
set(PGCARETAKER_CONFIG_DIR "/etc/pgcaretaker")

install(TARGETS pgcaretaker RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The prefix is known only now, so the unit's path to the binary is written while installing.
install(CODE "
  set(bindir \"${CMAKE_INSTALL_BINDIR}\")
  if(NOT IS_ABSOLUTE \"\${bindir}\")
    get_filename_component(bindir \"\${CMAKE_INSTALL_PREFIX}/\${bindir}\" ABSOLUTE)
  endif()
  file(READ \"${PROJECT_SOURCE_DIR}/systemd/pgcaretaker.service\" unit)
  string(REPLACE \"ExecStart=/usr/bin/\" \"ExecStart=\${bindir}/\" unit \"\${unit}\")
  file(WRITE \"${PROJECT_BINARY_DIR}/pgcaretaker.service\" \"\${unit}\")")
install(FILES ${PROJECT_BINARY_DIR}/pgcaretaker.service DESTINATION ${PGCARETAKER_UNIT_DIR})
install(FILES ${PROJECT_SOURCE_DIR}/systemd/pgcaretaker.sysusers.conf
        DESTINATION ${PGCARETAKER_SYSUSERS_DIR} RENAME pgcaretaker.conf)
install(FILES ${PROJECT_SOURCE_DIR}/systemd/pgcaretaker.tmpfiles.conf
        DESTINATION ${PGCARETAKER_TMPFILES_DIR} RENAME pgcaretaker.conf)

# An operator's file is never overwritten.
install(CODE "
  if(NOT EXISTS \"\$ENV{DESTDIR}${PGCARETAKER_CONFIG_DIR}/pgcaretaker.toml\")
    file(INSTALL \"${PROJECT_SOURCE_DIR}/config/pgcaretaker.toml\"
         DESTINATION \"${PGCARETAKER_CONFIG_DIR}\")
  endif()")

install(FILES ${PROJECT_SOURCE_DIR}/config/caracal.toml ${PROJECT_SOURCE_DIR}/config/roles.sql
              ${PROJECT_SOURCE_DIR}/config/journal.sql
        DESTINATION ${CMAKE_INSTALL_DATADIR}/pgcaretaker)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/config/examples ${PROJECT_SOURCE_DIR}/config/prometheus
                  ${PROJECT_SOURCE_DIR}/config/grafana
        DESTINATION ${CMAKE_INSTALL_DATADIR}/pgcaretaker)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN "*.md" PATTERN "*.json" PATTERN "*.png")
