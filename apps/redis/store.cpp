// SPDX-License-Identifier: MIT
#include "store.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <coloop/coloop.hpp>

#include "../common/log.hpp"

namespace redis {

namespace {

using namespace std::chrono_literals;

/// Appends the requests that make what a key stands for.
struct Appender {
    std::string& to;
    const std::string& key;

    void operator()(const std::string& value) const { append_request(to, {"SET", key, value}); }

    void operator()(const List& list) const {
        for (const std::string& element : list) {
            append_request(to, {"RPUSH", key, element});
        }
    }

    void operator()(const Hash& hash) const {
        for (const auto& [field, value] : hash) {
            append_request(to, {"HSET", key, field, value});
        }
    }

    void operator()(const Set& set) const {
        for (const std::string& member : set) {
            append_request(to, {"SADD", key, member});
        }
    }

    void operator()(const SortedSet& set) const {
        for (const auto& [member, score] : set.scores) {
            append_request(to, {"ZADD", key, text_of(score), member});
        }
    }
};

}  // namespace

coloop::Result<void> Store::sync_directory() const {
    auto directory = coloop::File::open(options_.directory, std::nothrow);
    return directory ? directory->sync(std::nothrow) : directory.error();
}

void Store::load(const std::function<bool(const Words&)>& replay) {
    if (!enabled()) {
        return;
    }
    if (!coloop::fs::stat(options_.directory, std::nothrow)) {
        coloop::fs::mkdir(options_.directory);
    }
    coloop::File file =
        coloop::File::open(path(), coloop::OpenMode::read_write | coloop::OpenMode::create);
    constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
    RequestReader requests(file, {no_limit, no_limit}, std::size_t{256} << 10);
    try {
        Words request;
        while (requests.read(request)) {
            if (replay(request)) {
                size_ = requests.position();  // up to where changes are complete
            }
        }
    } catch (const ProtocolError& error) {
        throw std::runtime_error(
            fmt::format("{} is damaged after byte {}: {}; cut it off there, or take a copy", path(),
                        size_, error.what()));
    } catch (const coloop::EndOfStream&) {  // cut off while it was written
    }
    if (const std::uint64_t size = file.stat().size; size > size_) {
        common::log("torn-tail", {{"file", path()}, {"cut_from", size}, {"cut_to", size_}});
        file.truncate(size_);
        file.sync();
    }
    sync_directory().value();
    file_ = std::move(file);
    common::log("loaded", {{"keys", keys_.size()}, {"file", path()}});
}

void Store::add(const Words& request) {
    if (!file_.is_open()) {
        return;
    }
    const std::size_t before = pending_.size();
    append_request(pending_, request);
    end_ += pending_.size() - before;
    if (snapshot_) {
        snapshot_->pending.append(pending_, before);
    }
}

std::string Store::complaint() const {
    return "MISCONF Errors writing to the AOF file: " + failure_->code().message();
}

coloop::Result<void> Store::fail(const coloop::Error& error) {
    if (!failure_) {
        common::log("write-failed", {{"error", error.what()}});
    }
    failure_ = error;
    return error;
}

/// Has what was written reach the disk. If that fails once, the system may have thrown it away and
/// would not say so again: only a new log helps.
coloop::Result<void> Store::sync() {
    synced_ = true;
    // Not cancelled: the system tells of a failure once.
    const auto done = coloop::uncancellable([this] { return file_.data_sync(std::nothrow); });
    sync_failed_ = sync_failed_ || !done;
    return done ? done : fail(done.error());
}

/// For who has the turn.
coloop::Result<void> Store::write_out() {
    if (sync_failed_) {
        return *failure_;
    }
    const std::string bytes = std::exchange(pending_, {});
    const std::uint64_t end = end_;
    if (const auto done = file_.write_at(std::as_bytes(std::span(bytes)), size_, std::nothrow);
        !done) {
        pending_.insert(0, bytes);  // written again, to the same place, when there is room
        return fail(done.error());
    }
    size_ += bytes.size();
    synced_ = false;
    if (options_.fsync == Fsync::always) {
        if (const auto done = sync(); !done) {
            return done;
        }
    }
    if (sync_failed_) {  // meanwhile, so that only a new log helps
        return *failure_;
    }
    kept_ = end;
    if (std::exchange(failure_, std::nullopt)) {
        common::log("writing-again");
    }
    return {};
}

bool Store::commit(std::uint64_t mark) {
    return kept_ >= mark || coloop::uncancellable([&] {
               const std::scoped_lock lock(turn_);
               return kept_ >= mark || write_out();
           });
}

void Store::before_change(std::size_t shard) {
    if (!snapshot_ || snapshot_->has[shard]) {
        return;
    }
    snapshot_->has[shard] = true;
    for (const auto& [key, entry] : keys_.shard(shard)) {
        std::visit(Appender{snapshot_->pending, key}, entry.value);
        if (entry.expires != never) {
            append_request(snapshot_->pending, {"PEXPIREAT", key, std::to_string(entry.expires)});
        }
    }
}

void Store::write_snapshot(coloop::File& file) {
    constexpr std::size_t part = std::size_t{256} << 10;
    for (std::size_t shard = 0; shard < Keyspace::shard_count; ++shard) {
        before_change(shard);
        if (snapshot_->pending.size() >= part) {
            file.write(std::exchange(snapshot_->pending, {}));
        }
    }
    file.sync();
}

/// Nobody writes the old log meanwhile; what is added goes to the new one.
void Store::replace_log(coloop::File file) {
    const std::scoped_lock lock(turn_);
    const std::uint64_t end = end_;
    file.write(std::exchange(snapshot_->pending, {}));
    file.sync();
    const std::uint64_t size = file.stat().size;
    coloop::fs::rename(path() + ".new", path());
    file_ = std::move(file);
    pending_ = std::move(snapshot_->pending);
    size_ = size;
    rewrite_at_ = 2 * size;
    sync_failed_ = false;
    failure_.reset();  // at the same moment: what fails from now on is news
    if (const auto done = sync_directory(); !done) {
        sync_failed_ = true;
        fail(done.error()).value();
    }
    kept_ = end;
}

/// Throws Error; then all is as it was.
void Store::save() {
    const std::string path_of_new = path() + ".new";
    snapshot_.emplace();
    try {
        coloop::File file = coloop::File::create(path_of_new);
        write_snapshot(file);
        coloop::uncancellable([&] { replace_log(std::move(file)); });
    } catch (...) {
        snapshot_.reset();
        coloop::uncancellable(
            [&] { static_cast<void>(coloop::fs::unlink(path_of_new, std::nothrow)); });
        throw;
    }
    snapshot_.reset();
    common::log("saved", {{"keys", keys_.size()}, {"file", path()}});
}

void Store::save_soon() {
    save_wanted_ = true;
    wanted_.wake_one();
}

void Store::save_when_wanted() {
    for (;;) {
        while (!save_wanted_) {
            wanted_.wait();
        }
        save_wanted_ = false;
        try {
            save();
        } catch (const coloop::Error& error) {
            common::log("save-failed", {{"error", error.what()}});
        }
    }
}

void Store::look_after() {
    while (enabled()) {
        coloop::co_sleep(failure_ ? 100ms : 1000ms);
        if (options_.fsync == Fsync::everysec && !synced_ && !sync_failed_) {
            static_cast<void>(sync());
        }
        if (failure_ && !sync_failed_) {
            static_cast<void>(commit(end_));
        }
        const bool long_log = size_ >= std::max(options_.rewrite_size, rewrite_at_);
        if ((sync_failed_ || long_log) && !saving()) {
            save_soon();
        }
    }
}

void Store::finish() {
    if (file_.is_open()) {
        static_cast<void>(commit(end_));
        if (failure_) {
            failure_->raise();
        }
        file_.sync();
    }
}

}  // namespace redis
