# Makes the Debian packages of the library that was built in BUILD, which must be these PACKAGES, and
# unpacks them below ROOT, with a database of dpkg's own there.
#   cmake -D BUILD=... -D ROOT=... -D PACKAGES=... -P install_deb.cmake
set(packages ${ROOT}-packages)
file(REMOVE_RECURSE ${ROOT} ${packages})
execute_process(
    COMMAND ${CMAKE_CPACK_COMMAND} --config ${BUILD}/CPackConfig.cmake -G DEB -B ${packages}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
file(GLOB debs ${packages}/*.deb)
set(made ${debs})
list(TRANSFORM made REPLACE "^.*/([^/_]+)_[^/]*$" "\\1")
set(expected ${PACKAGES})
list(SORT made)
list(SORT expected)
if(NOT made STREQUAL expected)
    message(FATAL_ERROR "expected the packages ${expected}, got ${made}")
endif()
file(MAKE_DIRECTORY ${ROOT}/var/lib/dpkg/updates ${ROOT}/var/lib/dpkg/info)
file(TOUCH ${ROOT}/var/lib/dpkg/status)
find_program(DPKG dpkg REQUIRED)
execute_process(  # configuring would run ldconfig, from ROOT, where there are no programs
    COMMAND ${DPKG} --root=${ROOT} --log=/dev/null --force-depends --force-not-root --unpack ${debs}
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code
)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "dpkg: ${output}")
endif()
