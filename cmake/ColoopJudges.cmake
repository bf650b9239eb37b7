# coloop_add_judges(<app>_test.py [RUN_SERIAL] [COST <seconds>]): one test for each `def test_...` in
# the file. They run a program of apps/ and let real, unmodified clients judge it. Those that may cost
# more begin first.
include(ColoopPython)

function(coloop_add_judges source)
    cmake_parse_arguments(PARSE_ARGV 1 arg "RUN_SERIAL" "COST" "")
    set(path ${CMAKE_CURRENT_SOURCE_DIR}/${source})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    if(NOT arg_COST)
        set(arg_COST 120)
    endif()
    cmake_path(GET source STEM file)
    string(REGEX REPLACE "_test$" "" app ${file})
    file(STRINGS ${path} lines REGEX "^    def test_")
    foreach(line IN LISTS lines)
        string(REGEX MATCH "test_[a-z0-9_]+" method "${line}")
        string(REGEX REPLACE "^test_" "" sentence ${method})
        set(name apps/${app}/${sentence})
        add_test(NAME ${name} COMMAND ${COLOOP_PYTHON} ${path} -k "*.${method}")
        set_tests_properties(${name} PROPERTIES
            LABELS apps
            TIMEOUT 900
            COST ${arg_COST}
            ENVIRONMENT "COLOOP_APPS=${PROJECT_BINARY_DIR}/apps;PYTHONPATH=${PROJECT_SOURCE_DIR}/test/apps/judges"
        )
        if(arg_RUN_SERIAL)
            set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
        endif()
    endforeach()
endfunction()
