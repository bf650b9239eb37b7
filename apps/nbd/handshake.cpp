// SPDX-License-Identifier: MIT
#include <array>
#include <set>
#include <string>
#include <utility>

#include "protocol.hpp"
#include "server.hpp"

namespace nbd {

namespace {

using coloop::MemoryReader;
using coloop::MemoryWriter;
using coloop::read_be;
using coloop::write_be;

/// Refuses an option; the haggling goes on.
struct Refusal {
    OptionReply why;
};

void require(bool condition, OptionReply otherwise) {
    if (!condition) {
        throw Refusal{otherwise};
    }
}

void require_end(const MemoryReader& data) { require(data.rest().empty(), OptionReply::invalid); }

std::string read_text(MemoryReader& data, std::size_t size) {
    require(size <= data.rest().size(), OptionReply::invalid);
    require(size <= longest_text, OptionReply::too_big);
    std::string text(size, '\0');
    data.read_exactly(std::as_writable_bytes(std::span(text)));
    return text;
}

std::string read_sized_text(MemoryReader& data) {
    return read_text(data, read_be<std::uint32_t>(data));
}

std::uint16_t flags_for(const Disk& disk, bool structured) {
    using namespace transmission_flag;
    int flags = has_flags | flush | fua | multi_conn | cache;
    flags |= disk.read_only ? read_only : trim | write_zeroes | fast_zero;
    flags |= structured ? dont_fragment : 0;
    return static_cast<std::uint16_t>(flags);
}

class Handshake {
public:
    Handshake(coloop::Writer& client, coloop::BufReader& input, const Server& server)
        : client_(client), input_(input), server_(server) {}

    std::optional<Agreement> run() {
        using namespace handshake_flag;
        write_be<std::uint64_t>(out_, greeting_magic);
        write_be<std::uint64_t>(out_, option_magic);
        write_be<std::uint16_t>(out_, fixed_newstyle | no_zeroes);
        client_.write(out_.take());
        if (input_.peek().empty()) {
            return std::nullopt;
        }
        const auto flags = read_be<std::uint32_t>(input_);
        if ((flags | fixed_newstyle | no_zeroes) != (fixed_newstyle | no_zeroes)) {
            throw ProtocolError("client flags " + std::to_string(flags));
        }
        no_zeroes_ = (flags & no_zeroes) != 0;
        while (disk_ == nullptr && !ended_ && !input_.peek().empty()) {
            answer_option();
            client_.write(out_.take());
        }
        return disk_ == nullptr
                   ? std::nullopt
                   : std::optional(Agreement{disk_, structured_, context_disk_ == disk_});
    }

private:
    void answer_option() {
        if (read_be<std::uint64_t>(input_) != option_magic) {
            throw ProtocolError("an option without its magic");
        }
        const Option option{read_be<std::uint32_t>(input_)};
        const auto size = read_be<std::uint32_t>(input_);
        if (size > longest_option) {
            throw ProtocolError("an option of " + std::to_string(size) + " bytes");
        }
        MemoryReader data(input_.read_exactly(size));
        try {
            require(!server_.draining || option == Option::abort, OptionReply::shutdown);
            carry_out(option, data);
        } catch (const Refusal& refusal) {
            refuse(option, refusal.why);
        } catch (const coloop::EndOfStream&) {  // of the data
            refuse(option, OptionReply::invalid);
        }
    }

    void refuse(Option option, OptionReply why) {
        if (option == Option::export_name) {  // the one that has no way to be refused
            ended_ = true;
        } else {
            reply(option, why);
        }
    }

    void carry_out(Option option, MemoryReader& data) {
        switch (option) {
            case Option::export_name:
                return begin_oldest_way(data);
            case Option::abort:
                ended_ = true;
                break;
            case Option::list:
                require_end(data);
                for (const std::unique_ptr<Disk>& disk : server_.disks) {
                    MemoryWriter entry;
                    write_be<std::uint32_t>(entry, static_cast<std::uint32_t>(disk->name.size()));
                    entry.write(disk->name);
                    reply(option, OptionReply::server, entry.text());
                }
                break;
            case Option::info:
            case Option::go:
                describe(option, data);
                break;
            case Option::structured_reply:
                require_end(data);
                structured_ = true;
                break;
            case Option::list_meta_context:
            case Option::set_meta_context:
                agree_on_contexts(option, data);
                break;
            default:
                throw Refusal{OptionReply::unsupported};
        }
        reply(option, OptionReply::ack);
    }

    void begin_oldest_way(MemoryReader& data) {
        disk_ = &find(read_text(data, data.rest().size()));
        write_be<std::uint64_t>(out_, disk_->size);
        write_be<std::uint16_t>(out_, flags_for(*disk_, structured_));
        out_.write(std::string(no_zeroes_ ? 0 : 124, '\0'));
    }

    void describe(Option option, MemoryReader& data) {
        const std::string name = read_sized_text(data);
        std::set<Info> wanted;  // each is told once, however often it is asked for
        for (auto left = read_be<std::uint16_t>(data); left > 0; --left) {
            wanted.insert(Info{read_be<std::uint16_t>(data)});
        }
        require_end(data);
        Disk& disk = find(name);
        MemoryWriter size = information(Info::size);
        write_be<std::uint64_t>(size, disk.size);
        write_be<std::uint16_t>(size, flags_for(disk, structured_));
        reply(option, OptionReply::info, size.text());
        for (const Info info : wanted) {
            MemoryWriter more = information(info);
            if (info == Info::name) {
                more.write(disk.name);
                reply(option, OptionReply::info, more.text());
            } else if (info == Info::block_size) {
                for (const std::uint32_t bytes : {1U, 4096U, longest_data}) {  // least, best, most
                    write_be<std::uint32_t>(more, bytes);
                }
                reply(option, OptionReply::info, more.text());
            }
        }
        disk_ = option == Option::go ? &disk : disk_;
    }

    static MemoryWriter information(Info about) {
        MemoryWriter out;
        write_be<std::uint16_t>(out, static_cast<std::uint16_t>(about));
        return out;
    }

    /// There is one context, base:allocation, which says what is hole and what is data.
    void agree_on_contexts(Option option, MemoryReader& data) {
        const bool set = option == Option::set_meta_context;
        if (set) {
            context_disk_ = nullptr;
        }
        require(structured_, OptionReply::invalid);
        const std::string name = read_sized_text(data);
        const auto queries = read_be<std::uint32_t>(data);
        bool wanted = !set && queries == 0;
        for (std::uint32_t i = 0; i < queries; ++i) {
            const std::string query = read_sized_text(data);
            wanted |= query == "base:allocation" || (!set && query == "base:");
        }
        require_end(data);
        Disk& disk = find(name);
        if (wanted) {
            MemoryWriter out;
            write_be<std::uint32_t>(out, set ? allocation_context : 0);
            out.write("base:allocation");
            reply(option, OptionReply::meta_context, out.text());
            context_disk_ = set ? &disk : context_disk_;
        }
    }

    [[nodiscard]] Disk& find(std::string_view name) const {
        Disk* disk = server_.find(name);
        require(disk != nullptr, OptionReply::unknown);
        return *disk;
    }

    void reply(Option option, OptionReply type, std::string_view data = {}) {
        write_be<std::uint64_t>(out_, option_reply_magic);
        write_be<std::uint32_t>(out_, static_cast<std::uint32_t>(option));
        write_be<std::uint32_t>(out_, static_cast<std::uint32_t>(type));
        write_be<std::uint32_t>(out_, static_cast<std::uint32_t>(data.size()));
        out_.write(data);
    }

    coloop::Writer& client_;
    coloop::BufReader& input_;
    const Server& server_;
    MemoryWriter out_;  // what is sent when an option was answered
    bool no_zeroes_ = false;
    bool structured_ = false;
    bool ended_ = false;
    Disk* disk_ = nullptr;                // chosen
    const Disk* context_disk_ = nullptr;  // which base:allocation was chosen for
};

}  // namespace

std::optional<Agreement> shake_hands(coloop::Writer& client, coloop::BufReader& input,
                                     const Server& server) {
    return Handshake(client, input, server).run();
}

}  // namespace nbd
