# Runs PROGRAM and fails unless it ends with the result EXIT (0, 1, "aborted") and says what it
# should: what it prints on each of its two streams stands in PAGE, or matches OUTPUT and ERRORS.
# It is run again if that, one stream after the other, matches BUSY: what a program with a time limit
# says on a machine that has no time for it.
#   cmake -D PROGRAM=<path> [-D ARGUMENT=<argument>] -D EXIT=<result> [-D PAGE=<path>]
#         [-D OUTPUT=<regex>] [-D ERRORS=<regex>] [-D BUSY=<regex>] -P check_output.cmake
cmake_minimum_required(VERSION 3.25)

foreach(attempt RANGE 1 20)
    execute_process(COMMAND ${PROGRAM} ${ARGUMENT}
        TIMEOUT 200 RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors
    )
    if(NOT BUSY OR NOT "${output}${errors}" MATCHES "${BUSY}")
        break()
    endif()
endforeach()
set(said "It ended with '${result}'.\nIts output:\n${output}\nIts errors:\n${errors}")
if(NOT result MATCHES "${EXIT}$")
    message(FATAL_ERROR "${PROGRAM} should have ended with '${EXIT}'. ${said}")
endif()

# How long something took differs each time.
function(without_times text result)
    string(REGEX REPLACE "for [0-9.e-]+ s" "for a while" text "${text}")
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

if(PAGE)
    file(READ ${PAGE} page)
    without_times("${page}" page)
    foreach(stream IN ITEMS output errors)
        without_times("${${stream}}" text)
        string(FIND "${page}" "${text}" found)
        if(found EQUAL -1)
            message(FATAL_ERROR "${PAGE} does not show what ${PROGRAM} prints. ${said}")
        endif()
    endforeach()
endif()
if(NOT output MATCHES "${OUTPUT}" OR NOT errors MATCHES "${ERRORS}")
    message(FATAL_ERROR "${PROGRAM} should have printed '${OUTPUT}' and '${ERRORS}'. ${said}")
endif()
