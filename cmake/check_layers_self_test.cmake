# The test "layers_self_test": plants one violation at a time in a small tree that has none and
# asserts that check_layers.cmake names it.
cmake_minimum_required(VERSION 3.25)
set(tree ${CMAKE_CURRENT_BINARY_DIR}/layers_self_test)

function(check expected_code expected_text)
    execute_process(
        COMMAND ${CMAKE_COMMAND} -D ROOT=${tree} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_layers.cmake
        RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output
    )
    string(FIND "${output}" "${expected_text}" found)
    if(NOT code EQUAL expected_code OR found EQUAL -1)
        message(FATAL_ERROR "expected exit ${expected_code} and '${expected_text}', "
            "got exit ${code} and:\n${output}")
    endif()
endfunction()

function(plant path line expected_text)
    set(before "")
    if(EXISTS ${tree}/${path})
        file(READ ${tree}/${path} before)
    endif()
    file(WRITE ${tree}/${path} "${before}${line}\n")
    check(1 "${path}:${expected_text}")
    file(REMOVE ${tree}/${path})
    if(before)
        file(WRITE ${tree}/${path} "${before}")
    endif()
endfunction()

# ---- a tree in order; it shows what is allowed ----
file(REMOVE_RECURSE ${tree})
file(WRITE ${tree}/include/coloop/error.hpp "#include <string>\n")
file(WRITE ${tree}/include/coloop/format.hpp "#include <coloop/error.hpp>\n")
file(WRITE ${tree}/include/coloop/coroutine.hpp
    "#include <coloop/detail/switch.hpp>\n#include <coloop/error.hpp>\n")
file(WRITE ${tree}/include/coloop/detail/switch.hpp
    "#if defined(__x86_64__)\nasm volatile(\"movq [rsp], rax;\");\n#endif\n")
file(WRITE ${tree}/include/coloop/loop.hpp "#include <coloop/coroutine.hpp>\n")
file(WRITE ${tree}/include/coloop/coloop.hpp "#include <coloop/loop.hpp>\n")
file(WRITE ${tree}/lib/base/check.hpp "// asm and __aarch64__ in a comment are harmless\n")
file(WRITE ${tree}/lib/context/stack.cpp "#include \"base/check.hpp\"\n")
file(WRITE ${tree}/lib/loop/loop.hpp "#include <uv.h>\n")
file(WRITE ${tree}/lib/loop/loop.cpp "#include \"loop.hpp\"\n#include <fmt/format.h>\n")
file(WRITE ${tree}/apps/echo/main.cpp
    "#include <coloop/coloop.hpp>\n#include <uv.h>\n#include \"options.hpp\"\n")
file(WRITE ${tree}/apps/echo/options.hpp "#include <CLI/CLI.hpp>\n")
check(0 "files read")

# ---- each rule broken once ----
plant(lib/base/check.hpp "#include <coloop/coroutine.hpp>" "2: base includes")
plant(lib/base/check.hpp "#include \"loop/loop.hpp\"" "2: base includes lib/loop/loop.hpp of loop")
plant(lib/base/check.hpp "#  include  \"../loop/loop.hpp\"" "2: base includes lib/loop/loop.hpp")
plant(lib/loop/loop.cpp "#include <coloop/coloop.hpp>" "3: loop includes")
plant(include/coloop/error.hpp "#include <coloop/loop.hpp>" "2: base includes")
plant(include/coloop/unknown.hpp "#include <string>" "1: belongs to no layer")
plant(lib/unknown/x.cpp "#include <string>" "1: belongs to no layer")
plant(lib/loop/loop.cpp "#include <coloop/unknown.hpp>" "3: include/coloop/unknown.hpp belongs to no")
plant(lib/context/stack.cpp "#include <uv.h>" "2: context includes <uv.h>")
plant(include/coloop/loop.hpp "#include <uv.h>" "2: a public header includes <uv.h>")
plant(include/coloop/loop.hpp "#include <fmt/core.h>" "2: a public header other than format.hpp")
plant(lib/loop/loop.cpp "asm volatile(\"pause\")\;" "3: assembly outside context")
plant(lib/loop/loop.cpp "__asm__(\"nop\")\;" "3: assembly outside context")
plant(lib/loop/x.S "ret" "1: assembly outside context")
plant(lib/loop/loop.cpp "#ifdef __aarch64__" "3: asks which CPU it is")
plant(include/coloop/loop.hpp "#if defined(__x86_64__)" "2: asks which CPU it is")
plant(apps/echo/main.cpp "#include \"loop/loop.hpp\"" "4: apps includes lib/loop/loop.hpp")
plant(apps/echo/main.cpp "#include <coloop/detail/switch.hpp>" "4: apps includes")
check(0 "files read")
