// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <coloop/coloop.hpp>

/// Something to be shown, with its line ends; shared by all who are to see it.
using Line = std::shared_ptr<const std::string>;

/// "* text", as the hall says things.
template <typename... Values>
Line notice(fmt::format_string<Values...> format, Values&&... values) {
    return std::make_shared<const std::string>(
        "* " + fmt::format(format, std::forward<Values>(values)...) + "\r\n");
}

/// Somebody in the hall.
struct Guest {
    /// `lines` may wait to be shown to it. Opens a cancel scope, so it belongs into a coroutine.
    explicit Guest(std::size_t lines) : outbox(lines) {}

    /// Takes a line to be shown soon; false if so many wait already that there is no room. Never
    /// waits.
    bool hear(const Line& line) noexcept { return outbox.closed() || outbox.try_send(line); }

    std::string name;
    struct Room* room = nullptr;
    coloop::Channel<Line> outbox;      ///< closed if the guest may see what is in there, and leave
    std::string why_left = "cut off";  ///< once it has
    coloop::CancelScope connection;    ///< cancelled to cut it
};

struct Room {
    std::string name;
    std::vector<Guest*> guests;
    std::deque<Line> history;
};

/// All rooms, and who is in them. What is said in a room comes to all its guests at once, in one
/// turn of one coroutine, so all see the same order.
class Hall {
public:
    struct Limits {
        std::size_t rooms = 1000;
        std::size_t history = 20;  ///< lines of each room
    };

    explicit Hall(const Limits& limits) : limits_(limits) {}

    /// Gives a guest a name, and a welcome.
    void enter(Guest& guest);

    /// Forgets a guest; its room is told that it left and why. Nothing if it has left before.
    void leave(Guest& guest);

    /// Does what a guest's line says: a command if it begins with a slash, else something to be
    /// said in its room. False if it wants to leave.
    bool obey(Guest& guest, std::string_view line);

    /// Says good-bye to everybody, also to who comes later.
    void close();

    [[nodiscard]] std::size_t size() const { return guests_.size(); }

private:
    // Each returns what the guest is to be told, if anything.
    Line answer_to(Guest& guest, std::string_view command, std::string_view rest);
    Line say(const Guest& guest, std::string_view text) const;
    Line rename(Guest& guest, std::string_view name);
    Line join(Guest& guest, std::string_view name);
    Line whisper(const Guest& guest, std::string_view name, std::string_view text);
    [[nodiscard]] Line list_rooms() const;
    static Line list_guests(const Room* room);

    /// False if the guest was in no room.
    static bool part(Guest& guest, std::string_view why);
    Room* open(std::string_view name);
    static void tell(Room& room, Line line);

    Limits limits_;
    std::map<std::string, Guest*> guests_;  // by folded name
    std::map<std::string, Room> rooms_;     // likewise
    std::size_t entered_ = 0;
    bool closed_ = false;
};
