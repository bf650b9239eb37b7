# Walks all states of a Promela model, and fails unless there is no error or, with a MISTAKE
# planted, spin complains of it by COMPLAINT.
#   cmake -D MODEL=<path> -D COMPILER=<cc> -D WORK=<folder> [-D MISTAKE=<macro> -D COMPLAINT=<text>]
#         -P check_model.cmake
cmake_minimum_required(VERSION 3.25)
find_program(SPIN spin)
if(NOT SPIN)
    message(FATAL_ERROR "There is no spin; cmake/install-packages dev installs it.")
endif()

set(planted)
if(MISTAKE)
    set(planted -D${MISTAKE})
endif()
file(MAKE_DIRECTORY ${WORK})
foreach(command IN ITEMS
    "${SPIN};-a;${planted};${MODEL}"
    "${COMPILER};-w;-DSAFETY;-o;pan;pan.c"
    "./pan;-m100000"
)
    execute_process(COMMAND ${command} WORKING_DIRECTORY ${WORK}
        RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output
    )
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "'${command}' ended with '${result}':\n${output}")
    endif()
endforeach()

# Too short a search says so, and would else pass for one without errors.
if(output MATCHES "max search depth too small|Search not completed")
    set(complete FALSE)
else()
    set(complete TRUE)
endif()
if(MISTAKE)
    string(FIND "${output}" "${COMPLAINT}" found)
    if(found EQUAL -1)
        message(FATAL_ERROR "spin did not complain of ${MISTAKE} by '${COMPLAINT}':\n${output}")
    endif()
elseif(NOT complete OR NOT output MATCHES "errors: 0\n")
    message(FATAL_ERROR "${MODEL} can go wrong; spin -t shows how, in ${WORK}:\n${output}")
endif()
