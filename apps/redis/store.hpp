// SPDX-License-Identifier: MIT
//
// What is on the disk. `append-N.aof` has the requests that changed something, one after the other,
// and `snapshot-N.resp` requests that make what there was when `append-N.aof` was begun. The newest
// snapshot and the logs from its number on are all that there is to know.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <coloop/co_mutex.hpp>
#include <coloop/file.hpp>
#include <coloop/result.hpp>

#include "keyspace.hpp"
#include "resp.hpp"

namespace redis {

enum class Fsync : std::uint8_t { always, everysec, no };

struct StoreOptions {
    std::string directory;  // empty: nothing is kept
    Fsync fsync = Fsync::everysec;
    std::uint64_t rewrite_size = std::uint64_t{64} << 20;  // at least so many bytes of log
};

class Store {
public:
    explicit Store(StoreOptions options) : options_(std::move(options)) {}

    [[nodiscard]] bool enabled() const { return !options_.directory.empty(); }

    [[nodiscard]] const StoreOptions& options() const { return options_; }

    /// Does again what is on the disk; `replay` does a request and returns whether it ended a
    /// change, rather than being part of a transaction. From then on changes are logged.
    void load(const std::function<bool(Args)>& replay);

    /// Appends a request to what commit() is to write; never waits.
    void add(Args request);

    /// What is added in between takes effect as a whole or not at all.
    void begin_transaction() { transaction_ = Transaction::empty; }

    void end_transaction();

    /// Up to where the log goes, counted from the start of the process, and how much of that is not
    /// in the file yet.
    [[nodiscard]] std::uint64_t end() const { return end_; }

    [[nodiscard]] std::size_t pending() const { return pending_.size(); }

    /// Waits until the log up to `mark` is as safe as the policy says. Those who come meanwhile
    /// share the next write. Not cancelled.
    coloop::Result<void> commit(std::uint64_t mark) noexcept;

    /// Why changes can't be kept at the moment.
    [[nodiscard]] const std::optional<coloop::Error>& failure() const { return failure_; }

    /// Makes a snapshot of what there is now, while others go on, and begins a new log. Throws
    /// Error; then all is as it was. Only one at a time.
    void save(Keyspace& keys);

    [[nodiscard]] bool saving() const { return saving_; }

    [[nodiscard]] Moment last_save() const { return last_save_; }

    /// Called for each node of a table that is being saved before it changes.
    void save_before_change(const Keyspace::Node& node);

    /// Syncs each second if that is the policy, tries again what failed, and makes a snapshot when
    /// the log has become twice as long as there is use for; until cancelled.
    void look_after(Keyspace& keys);

    /// Writes and syncs all that there is, whatever the policy.
    void finish();

private:
    enum class Transaction : std::uint8_t { none, empty, open };

    [[nodiscard]] std::string log_path(std::uint64_t number) const;
    [[nodiscard]] std::string snapshot_path(std::uint64_t number) const;
    void find_generations();
    void sync_directory();
    std::uint64_t replay_file(const std::string& path, const std::function<bool(Args)>& replay);
    coloop::Result<void> write_out() noexcept;
    coloop::Result<void> fail(const coloop::Error& error) noexcept;
    coloop::Result<void> sync() noexcept;
    void begin_log(Keyspace& keys);
    void write_snapshot(Keyspace& keys);
    void remove_older();

    StoreOptions options_;
    coloop::File file_;
    coloop::CoMutex turn_;       // of those who write the log
    std::string pending_;        // what is not in the file
    std::string snapshot_part_;  // what is not in the file of the snapshot
    std::uint64_t end_ = 0;
    std::uint64_t kept_ = 0;  // up to where the log is as safe as the policy says
    std::uint64_t file_size_ = 0;
    std::uint64_t synced_size_ = 0;
    std::uint64_t rewrite_at_ = 0;
    std::uint64_t generation_ = 0;  // of the log
    std::uint64_t oldest_ = 0;      // of the files
    std::optional<std::uint64_t> newest_snapshot_;
    std::optional<coloop::Error> failure_;
    Moment last_save_ = 0;
    Transaction transaction_ = Transaction::none;
    bool active_ = false;
    bool saving_ = false;
    bool sync_failed_ = false;  // what the disk has of the log is anybody's guess
};

/// One structured line on standard error.
void log_line(std::string_view text);

}  // namespace redis
