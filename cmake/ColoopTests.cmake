# coloop_add_tests(<label> <source>...): one doctest binary; each of its cases becomes the ctest
# test "<label>/<case>" with that label. Tests may look inside: they see lib/ and hidden symbols.
find_package(doctest REQUIRED)
include(doctest)

set(COLOOP_TEST_TIMEOUT 300 CACHE STRING "Seconds after which a test is taken to hang")

# Checks compile up to four times as fast unoptimised. The library is compiled as the preset says;
# so are those tests that have the switch inlined into them and those that try thousands of orders.
set(COLOOP_TEST_FLAGS "" CACHE STRING "Compiler flags of most tests")

option(COLOOP_TEST_ENDURANCE "Whether tests of endurance do all that they can, not a twentieth")

# What presets build whose subject is the core: the tests of the layers up to loop.
add_custom_target(core-tests)

function(coloop_add_tests label)
    set(target test-${label})
    add_executable(${target} ${ARGN})
    if(label MATCHES "^(base|context|context-fallback|coroutine|sync|loop|threads)$")
        add_dependencies(core-tests ${target})
    endif()
    target_include_directories(${target} PRIVATE
        ${PROJECT_SOURCE_DIR}/lib ${PROJECT_SOURCE_DIR}/test
    )
    target_link_libraries(${target} PRIVATE
        coloop::testing coloop::coloop fmt::fmt coloop_test_main coloop_warnings
    )
    if(NOT label MATCHES "^(context|coroutine|sync|classics)")
        target_compile_options(${target} PRIVATE ${COLOOP_TEST_FLAGS})
    endif()
    # Optimising, g++ 12 sees in std::optional what is not there.
    target_compile_options(${target} PRIVATE
        $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:-Wno-maybe-uninitialized>
    )
    if(CMAKE_CROSSCOMPILING_EMULATOR)  # has memory and signals of its own making
        target_compile_definitions(${target} PRIVATE COLOOP_EMULATED)
    endif()
    doctest_discover_tests(${target}
        TEST_PREFIX ${label}/
        PROPERTIES LABELS ${label} TIMEOUT ${COLOOP_TEST_TIMEOUT}
    )

    # doctest_discover_tests splits a name at ';' into halves that match nothing and so pass.
    add_test(NAME count/${label} COMMAND ${CMAKE_COMMAND}
        -D CTEST=${CMAKE_CTEST_COMMAND}
        -D BUILD=${PROJECT_BINARY_DIR}
        -D LABEL=${label}
        -D BINARY=$<TARGET_FILE:${target}>
        -D EMULATOR=${CMAKE_CROSSCOMPILING_EMULATOR}
        -P ${PROJECT_SOURCE_DIR}/cmake/check_test_count.cmake
    )
endfunction()
