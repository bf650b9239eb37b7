# The test c_api/symbols: what the library defines is C++ in coloop, C that begins with coloop_, or
# the compiler's own.
execute_process(COMMAND ${NM} -g --defined-only -j ${LIBRARY}
    OUTPUT_VARIABLE symbols ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX REPLACE "[^\n]*\\.o:\n" "" symbols "${symbols}")
string(REPLACE "\n" ";" symbols "${symbols}")
set(found 0)
set(foreign)
foreach(symbol IN LISTS symbols)
    if(symbol MATCHES "^coloop_qemu")
        math(EXPR found "${found} + 1")
    elseif(symbol AND NOT symbol MATCHES "^(_Z|coloop_|__|DW\\.)")
        list(APPEND foreign ${symbol})
    endif()
endforeach()
if(foreign OR found LESS 50)
    message(FATAL_ERROR "${found} symbols of the C API, and foreign ones: ${foreign}")
endif()
