// SPDX-License-Identifier: MIT
//
// This process and its surroundings. What is set here holds for the whole process. Functions that
// set something must not run at the same time as another of this page on another thread, as it is
// with setenv() and chdir() themselves; those that only ask may be called on any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coloop/export.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>

namespace coloop::os {

/// The value of an environment variable; nullopt if it is not set.
[[nodiscard]] COLOOP_EXPORT std::optional<std::string> variable(const std::string& name);

/// All environment variables, each with its value. Throws Error if there is no memory.
[[nodiscard]] COLOOP_EXPORT std::vector<std::pair<std::string, std::string>> variables();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::vector<std::pair<std::string, std::string>>> variables(
    std::nothrow_t tag) noexcept;

/// Sets an environment variable, also for later child processes. Throws Error if it can't have that
/// name.
COLOOP_EXPORT void set_variable(const std::string& name, const std::string& value);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> set_variable(const std::string& name, const std::string& value,
                                        std::nothrow_t tag) noexcept;

/// Removes an environment variable; fine if it is not set.
COLOOP_EXPORT void unset_variable(const std::string& name);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> unset_variable(const std::string& name, std::nothrow_t tag) noexcept;

/// The directory that relative paths begin at. Throws Error if it is gone.
[[nodiscard]] COLOOP_EXPORT std::string current_directory();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::string> current_directory(std::nothrow_t tag) noexcept;

/// Goes to another directory. Throws Error if there is no such directory.
COLOOP_EXPORT void set_current_directory(const Path& path);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> set_current_directory(const Path& path, std::nothrow_t tag) noexcept;

/// The file that this process was started from. Throws Error if the system does not tell.
[[nodiscard]] COLOOP_EXPORT std::string executable_path();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::string> executable_path(std::nothrow_t tag) noexcept;

/// The user's own directory: HOME, or what the user database says, which may take long if that is
/// on another machine (see run_blocking()). Throws Error if there is none.
[[nodiscard]] COLOOP_EXPORT std::string home_directory();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::string> home_directory(std::nothrow_t tag) noexcept;

/// Where temporary files belong: TMPDIR and the like, or /tmp. Throws Error if it does not fit.
[[nodiscard]] COLOOP_EXPORT std::string temporary_directory();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::string> temporary_directory(std::nothrow_t tag) noexcept;

struct User {
    std::string name;
    std::string home;
    std::string shell;
    std::int64_t number = -1;  ///< -1 on Windows
    std::int64_t group = -1;
};

/// The user that this process runs as; may take long, as home_directory(). Throws Error if the
/// user database does not have it.
[[nodiscard]] COLOOP_EXPORT User current_user();

/// The same; returns the Error.
COLOOP_EXPORT Result<User> current_user(std::nothrow_t tag) noexcept;

[[nodiscard]] COLOOP_EXPORT int process_id() noexcept;
[[nodiscard]] COLOOP_EXPORT int parent_process_id() noexcept;

/// How much a process gives way to others: from -20 to 19, mostly 0; 0 means the calling process.
/// Throws Error if there is no such process.
[[nodiscard]] COLOOP_EXPORT int priority(int process = 0);

/// The same; returns the Error.
COLOOP_EXPORT Result<int> priority(int process, std::nothrow_t tag) noexcept;

/// Throws Error if there is no such process, or it may not have more.
COLOOP_EXPORT void set_priority(int value, int process = 0);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> set_priority(int value, int process, std::nothrow_t tag) noexcept;

/// Makes the arguments' memory free for set_process_title(); to be called first thing in main().
/// Returns the arguments to use from then on; the old ones may be overwritten.
COLOOP_EXPORT char** set_up_arguments(int count, char** arguments) noexcept;

/// What `ps` shows for this process. Throws Error (no buffer space) if set_up_arguments() was not
/// called.
[[nodiscard]] COLOOP_EXPORT std::string process_title();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::string> process_title(std::nothrow_t tag) noexcept;

/// Changes it; what is longer than the arguments were is cut. Throws Error as process_title() does.
COLOOP_EXPORT void set_process_title(const std::string& title);

/// The same; returns the Error.
COLOOP_EXPORT Result<void> set_process_title(const std::string& title, std::nothrow_t tag) noexcept;

/// What this process has used so far.
struct ResourceUsage {
    std::chrono::microseconds user{};    ///< processor time
    std::chrono::microseconds system{};  ///< processor time of the system on its behalf
    std::uint64_t most_memory = 0;       ///< bytes of physical memory at its largest
    std::uint64_t minor_faults = 0;      ///< pages that needed no disk
    std::uint64_t major_faults = 0;      ///< pages that did
    std::uint64_t disk_reads = 0;        ///< blocks
    std::uint64_t disk_writes = 0;
    std::uint64_t voluntary_switches = 0;  ///< gave the processor away to wait
    std::uint64_t involuntary_switches = 0;
};

/// Throws Error if the system does not tell.
[[nodiscard]] COLOOP_EXPORT ResourceUsage resource_usage();

/// The same; returns the Error.
COLOOP_EXPORT Result<ResourceUsage> resource_usage(std::nothrow_t tag) noexcept;

/// Bytes of physical memory in use now. Throws Error if the system does not tell.
[[nodiscard]] COLOOP_EXPORT std::uint64_t resident_memory();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::uint64_t> resident_memory(std::nothrow_t tag) noexcept;

}  // namespace coloop::os
