# SPDX-License-Identifier: Apache-2.0
# A room is a folder of daemon/ built as one static library; its dependencies are the arrows of
# docs/architecture.md, so a forbidden include does not even link.

option(PGCARETAKER_WERROR "Treat warnings as errors" ON)
set(PGCARETAKER_SANITIZE "" CACHE STRING "Sanitizers, as given to -fsanitize=")

add_library(build_flags INTERFACE)
target_compile_options(build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual
  $<$<BOOL:${PGCARETAKER_WERROR}>:-Werror>
  # No object names the folder it was made in: clones on a machine share them, see dev.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
  # g++ 12 takes Asio's recycling operator new/delete of coroutine frames for a mismatch.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  # clang 14 needs to be told that libstdc++'s <coroutine> may use its coroutines.
  $<$<CXX_COMPILER_ID:Clang>:-D__cpp_impl_coroutine=201902L -Wno-builtin-macro-redefined>)
if(CMAKE_UNITY_BUILD)
  # The presets compile some files together, which takes far less time. What is a file's own is then
  # in one that another includes, which g++ takes for a header.
  target_compile_options(build_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(PGCARETAKER_SANITIZE)
  # Left out is what costs most to compile and finds least: null pointers in use end in the other
  # sanitizer, x86 does not align, and nothing here casts down to a class with a vtable.
  target_compile_options(build_flags INTERFACE
    -fsanitize=${PGCARETAKER_SANITIZE} -fno-sanitize=null,alignment,vptr
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(build_flags INTERFACE -fsanitize=${PGCARETAKER_SANITIZE})
  # Recycled coroutine frames hide a use-after-free from the sanitizer.
  target_compile_definitions(build_flags INTERFACE
    BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
endif()
if(PGCARETAKER_SANITIZE STREQUAL "thread")
  # This sanitizer does not know the fences that Asio puts around handlers.
  target_compile_definitions(build_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

# room(NAME [DEPENDS target...]): the library of daemon/NAME.
function(room name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp
                                      ${CMAKE_CURRENT_SOURCE_DIR}/${name}/commands/*.cpp)
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/daemon)
  target_link_libraries(${name} PUBLIC build_flags ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE})
endfunction()
