# The test c_api/table: each declaration of QEMU 1.1.1's qemu-coroutine.h and each function of
# today's that coloop offers has a row in README.md; the tests that the row names exist, and the
# header declares it.
cmake_minimum_required(VERSION 3.25)
set(here ${CMAKE_CURRENT_LIST_DIR})
set(include ${here}/../../include/coloop)

# ---- what the seed declares, in the order of its header ----
set(old
    coroutine_fn Coroutine CoroutineEntry
    qemu_coroutine_create qemu_coroutine_enter qemu_coroutine_yield qemu_coroutine_self
    qemu_in_coroutine
    CoQueue qemu_co_queue_init qemu_co_queue_wait qemu_co_queue_wait_insert_head
    qemu_co_queue_next qemu_co_queue_restart_all qemu_co_queue_empty
    CoMutex qemu_co_mutex_init qemu_co_mutex_lock qemu_co_mutex_unlock
    CoRwlock qemu_co_rwlock_init qemu_co_rwlock_rdlock qemu_co_rwlock_wrlock qemu_co_rwlock_unlock
    co_sleep_ns
)

# ---- what the modern header declares: everything that is not coloop's own ----
set(modern)
foreach(header IN ITEMS coroutine aio lockable)
    file(READ ${include}/qemu/${header}.h text)
    string(REGEX MATCHALL "\n(static inline [^\n(]*[ *]|#define )[A-Za-z_]+\\(" lines "${text}")
    foreach(line IN LISTS lines)
        string(REGEX MATCH "[A-Za-z_]+\\($" name "${line}")
        string(REPLACE "(" "" name "${name}")
        if(NOT name MATCHES "^(coloop_|COLOOP_)")
            list(APPEND modern ${name})
        endif()
    endforeach()
endforeach()
list(REMOVE_DUPLICATES modern)

file(READ ${here}/README.md page)
file(GLOB programs ${here}/*.c)
foreach(program IN LISTS programs)
    cmake_path(GET program STEM name)
    file(READ ${program} text_${name})
endforeach()

# check(<declaration> <prefix of the programs that may test it>)
function(check declaration era)
    if(NOT page MATCHES "\n\\| `${declaration}` \\| ([^\n]+) \\|")
        message(SEND_ERROR "README.md has no row for ${declaration}")
        return()
    endif()
    string(REGEX MATCHALL "`[a-z_]+`: [a-z_, ]+" references "${CMAKE_MATCH_1}")
    set(tests 0)
    foreach(reference IN LISTS references)
        string(REGEX MATCH "`([a-z_]+)`: (.*)" ignored "${reference}")
        set(program ${CMAKE_MATCH_1})
        string(REGEX REPLACE "[, ]+" ";" names "${CMAKE_MATCH_2}")
        foreach(name IN LISTS names)
            if(NOT text_${program} MATCHES "\nTEST\\(${name},")
                message(SEND_ERROR "${declaration}: ${program}.c has no test ${name}")
            endif()
            if(program MATCHES "^${era}" AND text_${program} MATCHES "${declaration}")
                math(EXPR tests "${tests} + 1")
            endif()
        endforeach()
    endforeach()
    if(tests EQUAL 0)
        message(SEND_ERROR "${declaration}: no program of that version in its row uses it")
    endif()
endfunction()

file(READ ${include}/qemu-coroutine.h header)
file(READ ${include}/qemu/types.h types)
string(REGEX MATCH "## QEMU 1.1.1.*## Today" old_page "${page}")
string(REGEX MATCH "## Today.*" modern_page "${page}")
set(page "${old_page}")
foreach(declaration IN LISTS old)
    if(NOT "${header}${types}" MATCHES "[ *]${declaration}[ (;\n]")
        message(SEND_ERROR "qemu-coroutine.h does not declare ${declaration}")
    endif()
    check(${declaration} old)
endforeach()
set(page "${modern_page}")
foreach(declaration IN LISTS modern)
    check(${declaration} modern)
endforeach()
list(LENGTH old old_count)
list(LENGTH modern modern_count)
if(modern_count LESS 50)
    message(SEND_ERROR "only ${modern_count} modern declarations were found")
endif()
message(STATUS "${old_count} old and ${modern_count} modern declarations")
