// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <uv.h>

#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

class Category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "libuv"; }

    [[nodiscard]] std::string message(int value) const override {
        char text[128];
        uv_strerror_r(value, text, sizeof text);  // uv_strerror() leaks for unknown codes
        if (std::string_view(text).starts_with("Unknown system error")) {
            return std::system_category().message(-value);
        }
        return text;
    }

    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        switch (value) {
#define COLOOP_MAP(code, condition) \
    case UV_##code:                 \
        return std::errc::condition
            COLOOP_MAP(E2BIG, argument_list_too_long);
            COLOOP_MAP(EACCES, permission_denied);
            COLOOP_MAP(EADDRINUSE, address_in_use);
            COLOOP_MAP(EADDRNOTAVAIL, address_not_available);
            COLOOP_MAP(EAFNOSUPPORT, address_family_not_supported);
            COLOOP_MAP(EAGAIN, resource_unavailable_try_again);
            COLOOP_MAP(EAI_CANCELED, operation_canceled);
            COLOOP_MAP(EAI_MEMORY, not_enough_memory);
            COLOOP_MAP(EALREADY, connection_already_in_progress);
            COLOOP_MAP(EBADF, bad_file_descriptor);
            COLOOP_MAP(EBUSY, device_or_resource_busy);
            COLOOP_MAP(ECANCELED, operation_canceled);
            COLOOP_MAP(ECONNABORTED, connection_aborted);
            COLOOP_MAP(ECONNREFUSED, connection_refused);
            COLOOP_MAP(ECONNRESET, connection_reset);
            COLOOP_MAP(EDESTADDRREQ, destination_address_required);
            COLOOP_MAP(EEXIST, file_exists);
            COLOOP_MAP(EFAULT, bad_address);
            COLOOP_MAP(EFBIG, file_too_large);
            COLOOP_MAP(EHOSTUNREACH, host_unreachable);
            COLOOP_MAP(EINTR, interrupted);
            COLOOP_MAP(EINVAL, invalid_argument);
            COLOOP_MAP(EIO, io_error);
            COLOOP_MAP(EISCONN, already_connected);
            COLOOP_MAP(EISDIR, is_a_directory);
            COLOOP_MAP(ELOOP, too_many_symbolic_link_levels);
            COLOOP_MAP(EMFILE, too_many_files_open);
            COLOOP_MAP(EMSGSIZE, message_size);
            COLOOP_MAP(ENAMETOOLONG, filename_too_long);
            COLOOP_MAP(ENETDOWN, network_down);
            COLOOP_MAP(ENETUNREACH, network_unreachable);
            COLOOP_MAP(ENFILE, too_many_files_open_in_system);
            COLOOP_MAP(ENOBUFS, no_buffer_space);
            COLOOP_MAP(ENODEV, no_such_device);
            COLOOP_MAP(ENOENT, no_such_file_or_directory);
            COLOOP_MAP(ENOMEM, not_enough_memory);
            COLOOP_MAP(ENOPROTOOPT, no_protocol_option);
            COLOOP_MAP(ENOSPC, no_space_on_device);
            COLOOP_MAP(ENOSYS, function_not_supported);
            COLOOP_MAP(ENOTCONN, not_connected);
            COLOOP_MAP(ENOTDIR, not_a_directory);
            COLOOP_MAP(ENOTEMPTY, directory_not_empty);
            COLOOP_MAP(ENOTSOCK, not_a_socket);
            COLOOP_MAP(ENOTSUP, not_supported);
            COLOOP_MAP(EOVERFLOW, value_too_large);
            COLOOP_MAP(EPERM, operation_not_permitted);
            COLOOP_MAP(EPIPE, broken_pipe);
            COLOOP_MAP(EPROTO, protocol_error);
            COLOOP_MAP(EPROTONOSUPPORT, protocol_not_supported);
            COLOOP_MAP(EPROTOTYPE, wrong_protocol_type);
            COLOOP_MAP(ERANGE, result_out_of_range);
            COLOOP_MAP(EROFS, read_only_file_system);
            COLOOP_MAP(ESPIPE, invalid_seek);
            COLOOP_MAP(ESRCH, no_such_process);
            COLOOP_MAP(ETIMEDOUT, timed_out);
            COLOOP_MAP(ETXTBSY, text_file_busy);
            COLOOP_MAP(EXDEV, cross_device_link);
            COLOOP_MAP(ENXIO, no_such_device_or_address);
            COLOOP_MAP(EMLINK, too_many_links);
            COLOOP_MAP(ENOTTY, inappropriate_io_control_operation);
            COLOOP_MAP(EILSEQ, illegal_byte_sequence);
#undef COLOOP_MAP
            default:
                break;
        }
        // What this libuv has no name for it passes on as the system's own number, negated.
        const auto condition = std::system_category().default_error_condition(-value);
        if (condition.category() == std::generic_category()) {
            return condition;
        }
        return {value, *this};
    }
};

}  // namespace

const std::error_category& uv_category() noexcept {
    static const Category category;
    return category;
}

std::error_code uv_code(int status) noexcept {
    return status < 0 ? std::error_code(status, uv_category()) : std::error_code();
}

}  // namespace coloop
