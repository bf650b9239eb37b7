// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>

#include <uv.h>

#include <coloop/environment.hpp>
#include <coloop/uv_error.hpp>

namespace coloop::os {

namespace {

/// The text that `get(buffer, size)` of libuv's gives, however long it is.
template <typename Get>
Result<std::string> text_from(const char* operation, Get get) noexcept {
    std::string text(4096, '\0');
    std::size_t size = text.size();
    int status = get(text.data(), &size);
    if (status == UV_ENOBUFS && size > text.size()) {
        text.resize(size);
        status = get(text.data(), &size);
    }
    if (status != 0) {
        return Error(uv_code(status), operation);
    }
    text.resize(size);
    return text;
}

Result<void> result_of(int status, const char* operation, std::string_view object) {
    return status == 0 ? Result<void>() : Error(uv_code(status), operation, object);
}

bool has_zero(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::chrono::microseconds time_from(const uv_timeval_t& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

std::optional<std::string> variable(const std::string& name) {
    const Result<std::string> value = text_from("get", [&](char* text, std::size_t* size) {
        return has_zero(name) ? static_cast<int>(UV_ENOENT)
                              : uv_os_getenv(name.c_str(), text, size);
    });
    return value ? std::optional(*value) : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> variables() {
    return variables(std::nothrow).value();
}

Result<std::vector<std::pair<std::string, std::string>>> variables(
    std::nothrow_t /*tag*/) noexcept {
    uv_env_item_t* list = nullptr;
    int count = 0;
    if (const int status = uv_os_environ(&list, &count)) {
        return Error(uv_code(status), "list the environment");
    }
    std::vector<std::pair<std::string, std::string>> found;
    std::for_each(list, list + count,
                  [&](const uv_env_item_t& item) { found.emplace_back(item.name, item.value); });
    uv_os_free_environ(list, count);
    return found;
}

void set_variable(const std::string& name, const std::string& value) {
    set_variable(name, value, std::nothrow).value();
}

Result<void> set_variable(const std::string& name, const std::string& value,
                          std::nothrow_t /*tag*/) noexcept {
    const bool possible = !has_zero(name) && !has_zero(value);
    return result_of(possible ? uv_os_setenv(name.c_str(), value.c_str()) : UV_EINVAL,
                     "set the variable", name);
}

void unset_variable(const std::string& name) { unset_variable(name, std::nothrow).value(); }

Result<void> unset_variable(const std::string& name, std::nothrow_t /*tag*/) noexcept {
    return result_of(has_zero(name) ? UV_EINVAL : uv_os_unsetenv(name.c_str()),
                     "unset the variable", name);
}

std::string current_directory() { return current_directory(std::nothrow).value(); }

Result<std::string> current_directory(std::nothrow_t /*tag*/) noexcept {
    return text_from("get the current directory", uv_cwd);
}

void set_current_directory(const Path& path) { set_current_directory(path, std::nothrow).value(); }

Result<void> set_current_directory(const Path& path, std::nothrow_t /*tag*/) noexcept {
    return result_of(has_zero(path.string()) ? UV_EINVAL : uv_chdir(path.c_str()), "go to",
                     path.string());
}

std::string executable_path() { return executable_path(std::nothrow).value(); }

Result<std::string> executable_path(std::nothrow_t /*tag*/) noexcept {
    return text_from("get the path of this program", uv_exepath);
}

std::string home_directory() { return home_directory(std::nothrow).value(); }

Result<std::string> home_directory(std::nothrow_t /*tag*/) noexcept {
    return text_from("get the home directory", uv_os_homedir);
}

std::string temporary_directory() { return temporary_directory(std::nothrow).value(); }

Result<std::string> temporary_directory(std::nothrow_t /*tag*/) noexcept {
    return text_from("get the directory for temporary files", uv_os_tmpdir);
}

User current_user() { return current_user(std::nothrow).value(); }

Result<User> current_user(std::nothrow_t /*tag*/) noexcept {
    uv_passwd_t entry;
    if (const int status = uv_os_get_passwd(&entry)) {
        return Error(uv_code(status), "get the user");
    }
    const auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
    User user{text(entry.username), text(entry.homedir), text(entry.shell),
              static_cast<std::int64_t>(entry.uid), static_cast<std::int64_t>(entry.gid)};
    uv_os_free_passwd(&entry);
    return user;
}

int process_id() noexcept { return uv_os_getpid(); }

int parent_process_id() noexcept { return uv_os_getppid(); }

int priority(int process) { return priority(process, std::nothrow).value(); }

Result<int> priority(int process, std::nothrow_t /*tag*/) noexcept {
    int value = 0;
    if (const int status = uv_os_getpriority(process, &value)) {
        return Error(uv_code(status), "get the priority of process", std::to_string(process));
    }
    return value;
}

void set_priority(int value, int process) { set_priority(value, process, std::nothrow).value(); }

Result<void> set_priority(int value, int process, std::nothrow_t /*tag*/) noexcept {
    return result_of(uv_os_setpriority(process, value), "set the priority of process",
                     std::to_string(process));
}

char** set_up_arguments(int count, char** arguments) noexcept {
    return uv_setup_args(count, arguments);
}

std::string process_title() { return process_title(std::nothrow).value(); }

Result<std::string> process_title(std::nothrow_t /*tag*/) noexcept {
    std::string text(4096, '\0');
    if (const int status = uv_get_process_title(text.data(), text.size())) {
        return Error(uv_code(status), "get the process title");
    }
    text.resize(text.find('\0'));
    return text;
}

void set_process_title(const std::string& title) { set_process_title(title, std::nothrow).value(); }

Result<void> set_process_title(const std::string& title, std::nothrow_t /*tag*/) noexcept {
    return result_of(uv_set_process_title(title.c_str()), "set the process title", title);
}

ResourceUsage resource_usage() { return resource_usage(std::nothrow).value(); }

Result<ResourceUsage> resource_usage(std::nothrow_t /*tag*/) noexcept {
    uv_rusage_t usage;
    if (const int status = uv_getrusage(&usage)) {
        return Error(uv_code(status), "get the resource usage");
    }
    return ResourceUsage{time_from(usage.ru_utime),
                         time_from(usage.ru_stime),
                         usage.ru_maxrss * 1024,
                         usage.ru_minflt,
                         usage.ru_majflt,
                         usage.ru_inblock,
                         usage.ru_oublock,
                         usage.ru_nvcsw,
                         usage.ru_nivcsw};
}

std::uint64_t resident_memory() { return resident_memory(std::nothrow).value(); }

Result<std::uint64_t> resident_memory(std::nothrow_t /*tag*/) noexcept {
    std::size_t bytes = 0;
    if (const int status = uv_resident_set_memory(&bytes)) {
        return Error(uv_code(status), "get the resident memory");
    }
    return std::uint64_t{bytes};
}

}  // namespace coloop::os
