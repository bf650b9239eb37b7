// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>

#include <uv.h>

#include <coloop/uv_error.hpp>

namespace coloop {

namespace {

struct Meaning {
    int code;
    std::errc condition;
};

constexpr Meaning meanings[] = {
    {UV_E2BIG, std::errc::argument_list_too_long},
    {UV_EACCES, std::errc::permission_denied},
    {UV_EADDRINUSE, std::errc::address_in_use},
    {UV_EADDRNOTAVAIL, std::errc::address_not_available},
    {UV_EAFNOSUPPORT, std::errc::address_family_not_supported},
    {UV_EAGAIN, std::errc::resource_unavailable_try_again},
    {UV_EAI_CANCELED, std::errc::operation_canceled},
    {UV_EAI_MEMORY, std::errc::not_enough_memory},
    {UV_EALREADY, std::errc::connection_already_in_progress},
    {UV_EBADF, std::errc::bad_file_descriptor},
    {UV_EBUSY, std::errc::device_or_resource_busy},
    {UV_ECANCELED, std::errc::operation_canceled},
    {UV_ECONNABORTED, std::errc::connection_aborted},
    {UV_ECONNREFUSED, std::errc::connection_refused},
    {UV_ECONNRESET, std::errc::connection_reset},
    {UV_EDESTADDRREQ, std::errc::destination_address_required},
    {UV_EEXIST, std::errc::file_exists},
    {UV_EFAULT, std::errc::bad_address},
    {UV_EFBIG, std::errc::file_too_large},
    {UV_EHOSTUNREACH, std::errc::host_unreachable},
    {UV_EINTR, std::errc::interrupted},
    {UV_EINVAL, std::errc::invalid_argument},
    {UV_EIO, std::errc::io_error},
    {UV_EISCONN, std::errc::already_connected},
    {UV_EISDIR, std::errc::is_a_directory},
    {UV_ELOOP, std::errc::too_many_symbolic_link_levels},
    {UV_EMFILE, std::errc::too_many_files_open},
    {UV_EMSGSIZE, std::errc::message_size},
    {UV_ENAMETOOLONG, std::errc::filename_too_long},
    {UV_ENETDOWN, std::errc::network_down},
    {UV_ENETUNREACH, std::errc::network_unreachable},
    {UV_ENFILE, std::errc::too_many_files_open_in_system},
    {UV_ENOBUFS, std::errc::no_buffer_space},
    {UV_ENODEV, std::errc::no_such_device},
    {UV_ENOENT, std::errc::no_such_file_or_directory},
    {UV_ENOMEM, std::errc::not_enough_memory},
    {UV_ENOPROTOOPT, std::errc::no_protocol_option},
    {UV_ENOSPC, std::errc::no_space_on_device},
    {UV_ENOSYS, std::errc::function_not_supported},
    {UV_ENOTCONN, std::errc::not_connected},
    {UV_ENOTDIR, std::errc::not_a_directory},
    {UV_ENOTEMPTY, std::errc::directory_not_empty},
    {UV_ENOTSOCK, std::errc::not_a_socket},
    {UV_ENOTSUP, std::errc::not_supported},
    {UV_EOVERFLOW, std::errc::value_too_large},
    {UV_EPERM, std::errc::operation_not_permitted},
    {UV_EPIPE, std::errc::broken_pipe},
    {UV_EPROTO, std::errc::protocol_error},
    {UV_EPROTONOSUPPORT, std::errc::protocol_not_supported},
    {UV_EPROTOTYPE, std::errc::wrong_protocol_type},
    {UV_ERANGE, std::errc::result_out_of_range},
    {UV_EROFS, std::errc::read_only_file_system},
    {UV_ESPIPE, std::errc::invalid_seek},
    {UV_ESRCH, std::errc::no_such_process},
    {UV_ETIMEDOUT, std::errc::timed_out},
    {UV_ETXTBSY, std::errc::text_file_busy},
    {UV_EXDEV, std::errc::cross_device_link},
    {UV_ENXIO, std::errc::no_such_device_or_address},
    {UV_EMLINK, std::errc::too_many_links},
    {UV_ENOTTY, std::errc::inappropriate_io_control_operation},
    {UV_EILSEQ, std::errc::illegal_byte_sequence},
};

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
        for (const Meaning& meaning : meanings) {
            if (meaning.code == value) {
                return meaning.condition;
            }
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
