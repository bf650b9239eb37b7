// SPDX-License-Identifier: MIT
#include "http_head.hpp"

#include <algorithm>
#include <string_view>

#include <coloop/text.hpp>

namespace proxy {

namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 10;
constexpr unsigned most_fields = 100;

using Parsed = std::variant<ConnectRequest, Status>;

bool is_token_letter(char letter) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= 'a' && letter <= 'z') || others.find(letter) != std::string_view::npos;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_letter);
}

/// No control characters but the tab.
bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char letter) {
        return letter == '\t' || (static_cast<unsigned char>(letter) >= ' ' && letter != 0x7f);
    });
}

bool same_name(std::string_view name, std::string_view lower_case) {
    return std::equal(name.begin(), name.end(), lower_case.begin(), lower_case.end(),
                      [](char left, char right) {
                          return (left >= 'A' && left <= 'Z' ? left + ('a' - 'A') : left) == right;
                      });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(blank), text.size()));
    text.remove_suffix(text.size() - (text.find_last_not_of(blank) + 1));
    return text;
}

/// "host:port" or "[address]:port", and nothing else.
std::optional<Target> parse_authority(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const auto port = coloop::parse_decimal<std::uint16_t>(text.substr(colon + 1));
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    if (is_bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    constexpr std::string_view never_in_a_host = " \t/@?#[]\\";
    if (!port || *port == 0 || host.empty() ||
        (host.find(':') != std::string_view::npos) != is_bracketed ||
        host.find_first_of(never_in_a_host) != std::string_view::npos) {
        return std::nullopt;
    }
    return Target{std::string(host), *port};
}

/// "CONNECT example.com:443 HTTP/1.1"
Parsed parse_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t second = line.rfind(' ');
    if (first == std::string_view::npos || first == second || !is_token(line.substr(0, first))) {
        return Status::bad_request;
    }
    const std::string_view version = line.substr(second + 1);
    const std::string_view uri = line.substr(first + 1, second - first - 1);
    if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' ||
        uri.find(' ') != std::string_view::npos) {
        return Status::bad_request;
    }
    if (!version.starts_with("HTTP/1.")) {
        return Status::version_not_supported;
    }
    if (line.substr(0, first) != "CONNECT") {
        return Status::method_not_allowed;
    }
    if (const std::optional<Target> target = parse_authority(uri)) {
        return ConnectRequest{*target, {}};
    }
    return Status::bad_request;
}

/// The lines of a head, one after the other.
class HeadReader {
public:
    explicit HeadReader(coloop::BufReader& from) : from_(from) {}

    /// Without its end, which must be CR LF; empty after the last, and nothing at the end of the
    /// stream. Throws EndOfStream in the middle of a line.
    std::optional<std::string_view> next() {
        const std::optional<std::string_view> line = from_.read_until("\n", left_);
        if (!line) {
            return std::nullopt;
        }
        left_ -= std::min(left_, line->size() + 1);
        is_malformed_ = is_malformed_ || !line->ends_with('\r') ||
                        !is_field_value(line->substr(0, line->size() - 1));
        return line->substr(0, line->size() - (line->ends_with('\r') ? 1 : 0));
    }

    [[nodiscard]] bool is_malformed() const noexcept { return is_malformed_; }

private:
    coloop::BufReader& from_;
    std::size_t left_ = most_bytes;
    bool is_malformed_ = false;
};

/// Notes what matters of a field; false if it is malformed.
bool add_field(std::string_view line, Parsed& parsed, unsigned& hosts) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return false;
    }
    const std::string_view name = line.substr(0, colon);
    hosts += same_name(name, "host") ? 1U : 0U;
    if (auto* request = std::get_if<ConnectRequest>(&parsed);
        request != nullptr && same_name(name, "proxy-authorization")) {
        request->authorization = trimmed(line.substr(colon + 1));
    }
    return true;
}

std::optional<Parsed> read_strictly(coloop::BufReader& from) {
    HeadReader lines(from);
    const std::optional<std::string_view> first = lines.next();
    if (!first) {
        return std::nullopt;
    }
    const bool wants_host = first->ends_with("HTTP/1.1");
    Parsed parsed = parse_request_line(*first);
    unsigned hosts = 0;
    unsigned fields = 0;
    while (!lines.is_malformed()) {
        const std::optional<std::string_view> line = lines.next();
        if (!line || lines.is_malformed()) {
            break;
        }
        if (line->empty()) {
            const bool is_sound = hosts == 1 || (hosts == 0 && !wants_host);
            return is_sound || std::holds_alternative<Status>(parsed) ? parsed
                                                                      : Status::bad_request;
        }
        if (++fields > most_fields) {
            return Status::header_too_large;
        }
        if (!add_field(*line, parsed, hosts)) {
            break;
        }
    }
    return Status::bad_request;
}

}  // namespace

std::optional<Parsed> read_request(coloop::BufReader& from) {
    try {
        return read_strictly(from);
    } catch (const coloop::EndOfStream&) {
        return Status::bad_request;
    } catch (const coloop::Error& error) {
        if (error.code() == coloop::Errc::too_long) {
            return Status::header_too_large;
        }
        throw;
    }
}

}  // namespace proxy
