// SPDX-License-Identifier: MIT
#include "dialogue.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace loadgen {

namespace {

constexpr std::size_t digits = 16;

std::string bulk(const std::string& text) {
    return fmt::format("${}\r\n{}\r\n", text.size(), text);
}

}  // namespace

Dialogue::Dialogue(const Settings& settings, std::size_t number)
    : protocol_(settings.protocol),
      command_(settings.command),
      key_(fmt::format("loadgen:{}", number)),
      payload_(settings.size, '.') {}

/// Differs from one request to the next, so that a late or lost answer is noticed.
const std::string& Dialogue::payload(std::uint64_t n) {
    const std::string stamp = fmt::format("{:016x}", n);
    const std::size_t length = std::min(digits, payload_.size());
    stamp.copy(payload_.data(), length, digits - length);
    return payload_;
}

std::string Dialogue::set(const std::string& value) const {
    return "*3\r\n$3\r\nSET\r\n" + bulk(key_) + bulk(value);
}

std::string Dialogue::opening() const {
    if (protocol_ != Protocol::resp) {
        return {};
    }
    return command_ == Command::get ? set(payload_) : command_ == Command::incr ? set("0") : "";
}

void Dialogue::ask(std::string& to, std::uint64_t n) {
    if (protocol_ != Protocol::resp) {
        to += payload(n);
        to += protocol_ == Protocol::line ? "\n" : "";
        return;
    }
    switch (command_) {
        case Command::ping:
            to += "*1\r\n$4\r\nPING\r\n";
            break;
        case Command::get:
            to += "*2\r\n$3\r\nGET\r\n" + bulk(key_);
            break;
        case Command::set:
            to += set(payload(n));
            break;
        case Command::incr:
            to += "*2\r\n$4\r\nINCR\r\n" + bulk(key_);
            break;
    }
}

const std::string& Dialogue::answer_to(std::uint64_t n) {
    answer_.clear();
    if (protocol_ != Protocol::resp) {
        ask(answer_, n);
        return answer_;
    }
    switch (command_) {
        case Command::ping:
            answer_ = "+PONG\r\n";
            break;
        case Command::get:
            answer_ = bulk(payload_);
            break;
        case Command::set:
            answer_ = "+OK\r\n";
            break;
        case Command::incr:
            fmt::format_to(std::back_inserter(answer_), ":{}\r\n", n);
            break;
    }
    return answer_;
}

}  // namespace loadgen
