# The test "layers": an #include may only point down, and what belongs to one layer stays there.
#   cmake [-D ROOT=<tree>] -P check_layers.cmake
# Prints each offence as file:line with its direction, and fails if there is any.
cmake_minimum_required(VERSION 3.25)
if(NOT ROOT)
    cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH ROOT)
endif()

# ---- the table: layers from the lowest to the highest, each with its public headers ----
set(layers)
macro(layer name)
    list(APPEND layers ${name})
    foreach(header IN ITEMS ${ARGN})
        set("layer_of_${header}" ${name})
    endforeach()
endmacro()

layer(base         error.hpp export.hpp intrusive_list.hpp result.hpp)
layer(context      detail/switch.hpp)
layer(coroutine    call_with_stack.hpp cancel_scope.hpp coroutine.hpp coroutine_local.hpp
                   overflow.hpp wait.hpp)
layer(sync         barrier.hpp broadcast.hpp channel.hpp co_mutex.hpp co_queue.hpp co_rwlock.hpp
                   co_semaphore.hpp completion.hpp event.hpp latch.hpp select.hpp)
layer(loop         after.hpp call_on.hpp clock.hpp deadline.hpp interop.hpp join_all.hpp loop.hpp
                   loop_channel.hpp posted.hpp race.hpp remote_wait.hpp run.hpp sleep.hpp task.hpp
                   task_group.hpp timeout.hpp uv_error.hpp)
layer(io           address.hpp blocking.hpp copy.hpp descriptor.hpp directory.hpp dns.hpp
                   environment.hpp file.hpp file_info.hpp fs.hpp listener_handle.hpp os.hpp
                   path.hpp pipe.hpp random.hpp readiness.hpp serve.hpp shutdown.hpp signal.hpp
                   stream.hpp stream_handle.hpp tcp.hpp temporary.hpp udp.hpp watch.hpp)
                   environment.hpp file.hpp file_info.hpp fs.hpp listener_handle.hpp os.hpp path.hpp
                   pipe.hpp process.hpp pseudo_terminal.hpp random.hpp readiness.hpp serve.hpp
                   signal.hpp stream.hpp stream_handle.hpp tcp.hpp temporary.hpp udp.hpp watch.hpp)
layer(protocols    buf_reader.hpp buf_writer.hpp byte_order.hpp frame.hpp memory.hpp text.hpp)
layer(testing      memory_stream.hpp testing.hpp)
layer(coroutine    call_with_stack.hpp cancel_scope.hpp coroutine.hpp overflow.hpp wait.hpp)
layer(sync         channel.hpp co_mutex.hpp co_queue.hpp co_rwlock.hpp co_semaphore.hpp
                   completion.hpp event.hpp)
layer(loop         clock.hpp deadline.hpp loop.hpp run.hpp sleep.hpp task_group.hpp timeout.hpp
                   uv_error.hpp)
layer(io           address.hpp blocking.hpp descriptor.hpp dns.hpp file.hpp file_info.hpp fs.hpp
                   listener_handle.hpp path.hpp pipe.hpp serve.hpp signal.hpp standard_stream.hpp
                   stream.hpp stream_handle.hpp tcp.hpp tty.hpp)
layer(protocols)
layer(testing)
layer(diagnostics)
layer(c_api        coloop.h qemu-coroutine.h qemu/aio.h qemu/coroutine.h qemu/lockable.h
                   qemu/symbols.h qemu/types.h)
layer(apps         coloop.hpp format.hpp)  # for programs: these may include all, no layer needs them

# ---- the rules ----
function(offence where what)
    message(NOTICE "${where}: ${what}")
    set_property(GLOBAL APPEND PROPERTY offences ${where})
endfunction()

# Sets ${result} to the layer of a file, given by its path below ROOT; empty if it has none.
function(layer_of path result)
    if(path MATCHES "^lib/([^/]+)/")
        set(${result} ${CMAKE_MATCH_1} PARENT_SCOPE)
    elseif(path MATCHES "^include/coloop/(.+)$")
        set(${result} "${layer_of_${CMAKE_MATCH_1}}" PARENT_SCOPE)
    elseif(path MATCHES "^apps/")
        set(${result} apps PARENT_SCOPE)
    else()
        set(${result} "" PARENT_SCOPE)
    endif()
endfunction()

# Sets ${result} to the path below ROOT that an #include in `path` means; empty if it is not ours.
function(resolve path included result)
    cmake_path(GET path PARENT_PATH folder)
    set(${result} "" PARENT_SCOPE)
    if(included MATCHES "^coloop/(.+)$")
        set(${result} include/${included} PARENT_SCOPE)
        return()
    endif()
    foreach(candidate IN ITEMS ${folder}/${included} lib/${included})
        cmake_path(NORMAL_PATH candidate)
        if(EXISTS ${ROOT}/${candidate} AND NOT IS_DIRECTORY ${ROOT}/${candidate})  # <coroutine>
            set(${result} ${candidate} PARENT_SCOPE)
            return()
        endif()
    endforeach()
endfunction()

function(check_include path where included)
    layer_of(${path} from)
    resolve(${path} ${included} target)
    list(FIND layers ${from} from_rank)
    list(FIND layers loop loop_rank)
    if(included MATCHES "^uv\\.h$|^uv/")
        if(path MATCHES "^include/")
            offence(${where} "a public header includes <${included}>")
        elseif(from_rank LESS loop_rank)
            offence(${where} "${from} includes <${included}>, which first becomes visible in loop")
        endif()
    elseif(included MATCHES "^fmt/" AND path MATCHES "^include/" AND NOT path MATCHES "/format.hpp$")
        offence(${where} "a public header other than format.hpp includes <${included}>")
    elseif(target)
        layer_of(${target} to)
        list(FIND layers "${to}" to_rank)
        if(from STREQUAL "apps" AND target MATCHES "^lib/|/detail/")
            offence(${where} "apps includes ${target}, but may use public headers only")
        elseif(to_rank EQUAL -1)
            offence(${where} "${target} belongs to no layer; add it to the table in check_layers.cmake")
        elseif(to_rank GREATER from_rank)
            offence(${where} "${from} includes ${target} of ${to}, which is above it")
        endif()
    endif()
endfunction()

set(word_start "(^|[^A-Za-z0-9_])")
set(word_end "([^A-Za-z0-9_]|$)")
set(assembly "${word_start}(asm|__asm|__asm__)${word_end}")
set(cpu "${word_start}(__x86_64__|__x86_64|__amd64__|__i386__|__i386|__aarch64__|__arm__|__riscv|__powerpc__|__s390x__|_M_X64|_M_ARM64|_M_IX86)${word_end}")

function(check_file path)
    layer_of(${path} layer)
    list(FIND layers "${layer}" rank)
    if(rank EQUAL -1)
        offence(${path}:1 "belongs to no layer; add it to the table in check_layers.cmake")
        return()
    endif()
    set(may_ask_cpu FALSE)
    if(path MATCHES "^(lib/context|include/coloop/detail)/")
        set(may_ask_cpu TRUE)
    elseif(path MATCHES "\\.S$")
        offence(${path}:1 "assembly outside context")
    endif()

    # What lists treat specially must go before the text is split into a list of lines.
    file(READ ${ROOT}/${path} text)
    string(REGEX REPLACE "[][;\\]" " " text "${text}")
    string(REPLACE "\n" ";" lines "${text}")
    set(number 0)
    foreach(line IN LISTS lines)
        math(EXPR number "${number} + 1")
        if(line MATCHES "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"]")
            check_include(${path} ${path}:${number} ${CMAKE_MATCH_1})
        elseif(NOT may_ask_cpu)
            string(REGEX REPLACE "//.*" "" line "${line}")
            if(line MATCHES "${assembly}")
                offence(${path}:${number} "assembly outside context")
            elseif(line MATCHES "${cpu}")
                offence(${path}:${number} "asks which CPU it is outside context")
            endif()
        endif()
    endforeach()
endfunction()

set(patterns)
foreach(folder IN ITEMS lib include apps)
    foreach(extension IN ITEMS cpp hpp h c S)
        list(APPEND patterns ${ROOT}/${folder}/*.${extension})
    endforeach()
endforeach()
file(GLOB_RECURSE files RELATIVE ${ROOT} ${patterns})
foreach(file IN LISTS files)
    check_file(${file})
endforeach()

list(LENGTH files count)
message(STATUS "${count} files read")
get_property(offences GLOBAL PROPERTY offences)
if(offences)
    message(FATAL_ERROR "The layers are broken; each place is named above.")
endif()
