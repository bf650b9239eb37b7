// SPDX-License-Identifier: MIT
//
// What is on the disk: a log of the requests that changed something, `log.resp`. When it has become
// long it is replaced by a new one that begins with a snapshot: requests that make what there is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

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

/// The beginning of a new log: each shard as it was when it first changed, or when its turn
/// came, and the changes since.
struct Snapshot {
    std::vector<bool> has = std::vector<bool>(Keyspace::shard_count);
    std::string pending;
};

class Store {
public:
    Store(StoreOptions options, Keyspace& keys) : options_(std::move(options)), keys_(keys) {}

    [[nodiscard]] bool enabled() const { return !options_.directory.empty(); }

    /// Does again what is on the disk; `replay` does a request and returns whether it ended a
    /// change, rather than being part of a transaction. From then on changes are logged.
    void load(const std::function<bool(const Words&)>& replay);

    /// Appends a request to what commit() is to write; never waits.
    void add(const Words& request);

    /// Up to where the log goes, counted from the start of the process, and how much of that is not
    /// in the file yet.
    [[nodiscard]] std::uint64_t end() const { return end_; }

    [[nodiscard]] std::size_t pending() const { return pending_.size(); }

    /// Up to where it has to be kept before anybody is told of what is in memory: with `always`
    /// nobody sees what a crash could take back.
    [[nodiscard]] std::uint64_t seen() const {
        return options_.fsync == Fsync::always && !failure_ ? end_ : 0;
    }

    /// Waits until the log up to `mark` is as safe as the policy says. Those who come meanwhile
    /// share the next write. Not cancelled. False if it can't be kept; see failure().
    [[nodiscard]] bool commit(std::uint64_t mark);

    /// Why changes can't be kept at the moment, and what clients are told of it.
    [[nodiscard]] const std::optional<coloop::Error>& failure() const { return failure_; }

    [[nodiscard]] std::string complaint() const;

    /// Has the log replaced by one that begins with a snapshot, while others go on.
    void save_soon();

    /// Does that, until cancelled.
    void save_when_wanted();

    [[nodiscard]] bool saving() const { return snapshot_.has_value(); }

    /// To be called before something in a shard of the keys changes.
    void before_change(std::size_t shard);

    /// Syncs each second if that is the policy, tries again what failed, and asks for a new log
    /// when it has become twice as long as there is use for; until cancelled.
    void look_after();

    /// Writes and syncs all that there is, whatever the policy.
    void finish();

private:
    [[nodiscard]] std::string path() const { return options_.directory + "/log.resp"; }

    [[nodiscard]] coloop::Result<void> sync_directory() const;
    coloop::Result<void> write_out();
    coloop::Result<void> fail(const coloop::Error& error);
    coloop::Result<void> sync();
    void save();
    void write_snapshot(coloop::File& file);
    void replace_log(coloop::File file);

    StoreOptions options_;
    Keyspace& keys_;
    coloop::File file_;
    coloop::CoMutex turn_;  // of those who write the log
    std::string pending_;   // what is not in the file
    std::optional<Snapshot> snapshot_;
    coloop::CoQueue wanted_{"wait for a reason to save"};
    bool save_wanted_ = false;
    std::uint64_t end_ = 0;
    std::uint64_t kept_ = 0;  // up to where the log is as safe as the policy says
    std::uint64_t size_ = 0;  // of the file
    std::uint64_t rewrite_at_ = 0;
    std::optional<coloop::Error> failure_;
    bool synced_ = true;
    bool sync_failed_ = false;  // what the disk has of the log is anybody's guess
};

}  // namespace redis
