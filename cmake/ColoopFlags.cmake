# What the compiler is told: the context in use, hardening, warnings. Nothing here is set globally.
include(CheckCXXCompilerFlag)

# Assembly exists for two CPUs; all others get ucontext without being asked.
set(coloop_context ${COLOOP_CONTEXT})
if(NOT coloop_context MATCHES "^(native|ucontext)$")
    message(FATAL_ERROR "COLOOP_CONTEXT is '${coloop_context}'; it must be native or ucontext.")
endif()
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|aarch64|arm64)$"
   OR NOT CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(coloop_context ucontext)
endif()

# Users compile the inline switch, so they must agree with the library on these.
set(coloop_definitions)
if(coloop_context STREQUAL "ucontext")
    list(APPEND coloop_definitions COLOOP_CONTEXT_UCONTEXT)
endif()
if(NOT BUILD_SHARED_LIBS)
    list(APPEND coloop_definitions COLOOP_STATIC_DEFINE)
endif()

# Stack clash protection touches a frame page by page, so that none can jump over the guard of a
# coroutine's stack. Each flag is asked for, since not every compiler has each on every CPU.
set(coloop_hardening)
foreach(flag IN ITEMS -fstack-clash-protection -fstack-protector-strong -fcf-protection=branch)
    string(MAKE_C_IDENTIFIER "coloop_has${flag}" has_flag)
    check_cxx_compiler_flag(${flag} ${has_flag})
    if(${has_flag})
        list(APPEND coloop_hardening ${flag})
    endif()
endforeach()

# Warnings of g++ 12 and clang 14 that found or would find bugs here. They are errors in the
# presets only (CMAKE_COMPILE_WARNING_AS_ERROR), never for those who build us.
add_library(coloop_warnings INTERFACE)
target_compile_options(coloop_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wvla
    -Wcast-align -Wdouble-promotion -Wextra-semi -Wformat=2 -Wimplicit-fallthrough
 -Wold-style-cast -Woverloaded-virtual -Wundef -Wunused
)
