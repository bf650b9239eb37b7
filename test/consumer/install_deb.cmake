# Makes the Debian package of the library that was built in BUILD, and installs it below ROOT, with
# a database of dpkg's own there.
#   cmake -D BUILD=... -D ROOT=... -P install_deb.cmake
set(packages ${ROOT}-packages)
file(REMOVE_RECURSE ${ROOT} ${packages})
execute_process(
    COMMAND ${CMAKE_CPACK_COMMAND} --config ${BUILD}/CPackConfig.cmake -G DEB -B ${packages}
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
file(GLOB debs ${packages}/*.deb)
list(LENGTH debs count)
if(NOT count EQUAL 1)
    message(FATAL_ERROR "expected one package, for developers, got: ${debs}")
endif()
file(MAKE_DIRECTORY ${ROOT}/var/lib/dpkg/updates ${ROOT}/var/lib/dpkg/info)
file(TOUCH ${ROOT}/var/lib/dpkg/status)
find_program(DPKG dpkg REQUIRED)
execute_process(  # what it depends on is installed outside ROOT
    COMMAND ${DPKG} --root=${ROOT} --log=/dev/null --force-depends --force-not-root -i ${debs}
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE code
)
if(NOT code EQUAL 0)
    message(FATAL_ERROR "dpkg: ${output}")
endif()
