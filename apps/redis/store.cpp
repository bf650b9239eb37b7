// SPDX-License-Identifier: MIT
#include "store.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include <coloop/coloop.hpp>

#include "snapshot.hpp"

namespace redis {

namespace {

using namespace std::chrono_literals;

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The number in a name such as "append-7.aof".
std::optional<std::uint64_t> number_in(std::string_view name, std::string_view before,
                                       std::string_view after) {
    if (!name.starts_with(before) || !name.ends_with(after)) {
        return std::nullopt;
    }
    name.remove_prefix(before.size());
    name.remove_suffix(after.size());
    return coloop::parse_decimal<std::uint64_t>(name);
}

}  // namespace

void log_line(std::string_view text) { fmt::print(stderr, "{}\n", text); }

std::string Store::log_path(std::uint64_t number) const {
    return fmt::format("{}/append-{}.aof", options_.directory, number);
}

std::string Store::snapshot_path(std::uint64_t number) const {
    return fmt::format("{}/snapshot-{}.resp", options_.directory, number);
}

void Store::sync_directory() { coloop::File::open(options_.directory).sync(); }

void Store::find_generations() {
    std::optional<std::uint64_t> first;
    for (const auto& entry : coloop::fs::scandir(options_.directory)) {
        if (const auto number = number_in(entry.name, "append-", ".aof")) {
            first = std::min(first.value_or(*number), *number);
            generation_ = std::max(generation_, *number);
        } else if (const auto snapshot = number_in(entry.name, "snapshot-", ".resp")) {
            newest_snapshot_ = std::max(newest_snapshot_.value_or(0), *snapshot);
            first = std::min(first.value_or(*snapshot), *snapshot);
        }
    }
    oldest_ = first.value_or(0);
    if (newest_snapshot_) {
        generation_ = std::max(generation_, *newest_snapshot_);
        remove_older();
    }
}

/// Returns how long the file is.
std::uint64_t Store::replay_file(const std::string& path, const std::function<bool(Args)>& replay) {
    coloop::File file = coloop::File::open(path, coloop::OpenMode::read_write);
    coloop::BufReader input(file, std::size_t{256} << 10);
    RequestParser parser(std::numeric_limits<std::int64_t>::max());
    std::uint64_t position = 0;
    std::uint64_t whole = 0;  // up to where changes are complete
    for (;;) {
        const std::string_view bytes = text_of(input.buffered());
        try {
            if (!bytes.empty() && bytes[0] != '*') {
                throw ProtocolError("not a request");
            }
            if (parser.parse(bytes)) {
                const bool complete = replay(parser.arguments());
                position += parser.size();
                whole = complete ? position : whole;
                input.consume(parser.size());
                continue;
            }
        } catch (const ProtocolError& error) {
            throw std::runtime_error(
                fmt::format("{} is damaged at byte {}: {}; cut it off there, or take a copy", path,
                            position, error.what()));
        }
        const std::size_t had = bytes.size();
        if (input.peek(std::max(parser.needed(), had + 1)).size() == had) {
            break;
        }
    }
    const std::uint64_t size = file.stat().size;
    if (size > whole) {
        log_line(fmt::format("event=torn-tail file={} cut_from={} cut_to={}", path, size, whole));
        file.truncate(whole);
        file.sync();
    }
    return whole;
}

void Store::load(const std::function<bool(Args)>& replay) {
    if (!enabled()) {
        return;
    }
    if (!coloop::fs::stat(options_.directory, std::nothrow)) {
        coloop::fs::mkdir(options_.directory);
    }
    find_generations();
    if (newest_snapshot_) {
        const std::string path = snapshot_path(*newest_snapshot_);
        rewrite_at_ = 2 * replay_file(path, replay);
        last_save_ = now();
    }
    bool torn = false;
    for (std::uint64_t i = newest_snapshot_.value_or(oldest_); i <= generation_; ++i) {
        const auto found = coloop::fs::stat(log_path(i), std::nothrow);
        if (torn && found && found->size > 0) {
            throw std::runtime_error(log_path(i - 1) + " ends early, but a log follows it");
        }
        file_size_ = found ? replay_file(log_path(i), replay) : 0;
        torn = found && file_size_ < found->size;
    }
    file_ = coloop::File::open(log_path(generation_),
                               coloop::OpenMode::write | coloop::OpenMode::create);
    sync_directory();
    synced_size_ = file_size_;
    active_ = true;
}

void Store::add(Args request) {
    if (!active_) {
        return;
    }
    const std::size_t before = pending_.size();
    if (transaction_ == Transaction::empty) {
        transaction_ = Transaction::open;
        const std::string_view multi[] = {"MULTI"};
        append_request(pending_, multi);
    }
    append_request(pending_, request);
    end_ += pending_.size() - before;
}

void Store::end_transaction() {
    if (std::exchange(transaction_, Transaction::none) == Transaction::open) {
        const std::string_view exec[] = {"EXEC"};
        add(exec);
    }
}

coloop::Result<void> Store::fail(const coloop::Error& error) noexcept {
    if (!failure_) {
        log_line(fmt::format("event=write-failed error=\"{}\"", error.what()));
    }
    failure_ = error;
    return error;
}

/// Has what was written reach the disk. If that fails once, the system may have thrown it away and
/// would not say so again: only a snapshot helps.
coloop::Result<void> Store::sync() noexcept {
    const std::uint64_t size = file_size_;
    const std::uint64_t generation = generation_;
    if (const auto done = file_.data_sync(std::nothrow); !done) {
        sync_failed_ = true;
        return fail(done.error());
    }
    if (generation == generation_) {
        synced_size_ = size;
    }
    return {};
}

/// For who has the turn.
coloop::Result<void> Store::write_out() noexcept {
    if (sync_failed_) {
        return *failure_;
    }
    std::string bytes = std::exchange(pending_, {});
    const std::uint64_t end = end_;
    if (const auto done = file_.write_at(std::as_bytes(std::span(bytes)), file_size_, std::nothrow);
        !done) {
        pending_.insert(0, bytes);  // written again, to the same place, when there is room
        return fail(done.error());
    }
    file_size_ += bytes.size();
    if (options_.fsync == Fsync::always) {
        if (const auto done = sync(); !done) {
            return done;
        }
    }
    kept_ = end;
    if (std::exchange(failure_, std::nullopt)) {
        log_line("event=writing-again");
    }
    return {};
}

coloop::Result<void> Store::commit(std::uint64_t mark) noexcept {
    if (kept_ >= mark) {
        return {};
    }
    return coloop::uncancellable([&]() -> coloop::Result<void> {
        const std::scoped_lock lock(turn_);
        if (kept_ >= mark) {
            return {};
        }
        return write_out();
    });
}

/// Begins the log that goes with a snapshot. What was added before belongs to the old one.
void Store::begin_log(Keyspace& keys) {
    const std::scoped_lock lock(turn_);
    coloop::File next = coloop::File::create(log_path(generation_ + 1));
    sync_directory();
    if (!sync_failed_) {
        write_out().value();  // others may add meanwhile
        sync().value();
    }
    // From here to the end of the first write nobody else runs, or writes.
    std::string rest = std::exchange(pending_, {});
    const std::uint64_t end = end_;
    keys.begin_snapshot();
    ++generation_;
    std::swap(file_, next);
    const std::uint64_t old_size = std::exchange(file_size_, 0);
    auto done = coloop::Result<void>();
    if (!sync_failed_) {
        done = next.write_at(std::as_bytes(std::span(rest)), old_size, std::nothrow);
        if (done) {
            done = next.data_sync(std::nothrow);
        }
    }
    if (!done) {  // go on with the old one
        keys.end_snapshot();
        --generation_;
        std::swap(file_, next);
        file_size_ = old_size;
        pending_.insert(0, rest);
        done.value();
    }
    synced_size_ = 0;
    kept_ = sync_failed_ ? kept_ : end;
}

void Store::write_snapshot(Keyspace& keys) {
    constexpr std::size_t part = std::size_t{256} << 10;
    const std::string path = snapshot_path(generation_) + ".new";
    coloop::File file = coloop::File::create(path);
    const auto write_part = [&] {
        const std::string bytes = std::exchange(snapshot_part_, {});
        file.write(bytes);
    };
    const std::shared_ptr<Keyspace::Table> table = keys.table();
    std::uint64_t cursor = 0;
    do {
        cursor = table->scan(cursor, [&](Keyspace::Node& node) {
            if (keys.needs_saving(node)) {
                append_node(snapshot_part_, node);
            }
        });
        if (snapshot_part_.size() >= part) {
            write_part();
        }
    } while (cursor != 0);
    write_part();
    file.sync();
    rewrite_at_ = 2 * file.stat().size;
    file.close();
    coloop::fs::rename(path, snapshot_path(generation_));
    sync_directory();
}

void Store::remove_older() {
    for (; oldest_ < *newest_snapshot_; ++oldest_) {
        static_cast<void>(coloop::fs::unlink(snapshot_path(oldest_), std::nothrow));
        static_cast<void>(coloop::fs::unlink(log_path(oldest_), std::nothrow));
    }
}

void Store::save(Keyspace& keys) {
    struct End {
        Store& store;
        Keyspace& keys;

        ~End() {
            keys.end_snapshot();
            store.snapshot_part_ = {};
            store.saving_ = false;
        }
    };

    saving_ = true;
    const End at_end{*this, keys};
    const std::uint64_t before = end_;
    coloop::uncancellable([&] { begin_log(keys); });
    try {
        write_snapshot(keys);
    } catch (...) {
        coloop::uncancellable([&] {
            static_cast<void>(
                coloop::fs::unlink(snapshot_path(generation_) + ".new", std::nothrow));
        });
        throw;
    }
    newest_snapshot_ = generation_;
    if (std::exchange(sync_failed_, false)) {
        kept_ = std::max(kept_, before);
        failure_.reset();
    }
    last_save_ = now();
    log_line(fmt::format("event=saved keys={} file={}", keys.size(), snapshot_path(generation_)));
    remove_older();
}

void Store::save_before_change(const Keyspace::Node& node) { append_node(snapshot_part_, node); }

void Store::look_after(Keyspace& keys) {
    for (;;) {
        coloop::co_sleep(failure_ ? 100ms : 1000ms);
        if (options_.fsync == Fsync::everysec && synced_size_ < file_size_ && !sync_failed_) {
            static_cast<void>(sync());
        }
        if (failure_ && !sync_failed_) {
            static_cast<void>(commit(end_));
        }
        const bool long_log = file_size_ >= std::max(options_.rewrite_size, rewrite_at_);
        if ((sync_failed_ || long_log) && !saving_) {
            try {
                save(keys);
            } catch (const coloop::Error& error) {
                log_line(fmt::format("event=save-failed error=\"{}\"", error.what()));
            }
        }
    }
}

void Store::finish() {
    if (active_) {
        commit(end_).value();
        file_.sync();
    }
}

}  // namespace redis
