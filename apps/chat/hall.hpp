// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Something to be shown, with its line ends; shared by all who are to see it.
using Line = std::shared_ptr<const std::string>;

/// Somebody in the hall, as the others see it.
class Guest {
public:
    Guest() = default;
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    virtual ~Guest() = default;

    /// Takes a line to be shown soon; false if so many wait already that there is no room. Never
    /// waits.
    virtual bool hear(const Line& line) noexcept = 0;

    /// Cuts the connection: the guest leaves soon.
    virtual void drop() noexcept = 0;

    /// Lets the guest see what was said so far, and leave then.
    virtual void dismiss() noexcept = 0;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    friend class Hall;

    std::string name_;
    struct Room* room_ = nullptr;
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

    /// Gives a guest a name.
    void enter(Guest& guest);

    /// Forgets a guest; its room is told that it left and why. Nothing if it has left before.
    void leave(Guest& guest, std::string_view why);

    /// False if somebody else has the name.
    bool rename(Guest& guest, std::string_view name);

    /// False if there are too many rooms.
    bool join(Guest& guest, std::string_view room);

    /// False if the guest is in no room.
    bool part(Guest& guest, std::string_view why);
    bool say(Guest& guest, std::string_view text);

    /// Null if nobody has the name.
    Guest* find(std::string_view name);

    /// What one is shown who asks.
    [[nodiscard]] std::string rooms() const;
    static std::string who(const Guest& guest);

    /// Says good-bye to everybody.
    void close() noexcept;

    [[nodiscard]] bool closed() const noexcept { return closed_; }

    [[nodiscard]] std::size_t size() const noexcept { return guests_.size(); }

private:
    Room* open(std::string_view name);
    static void tell(Room& room, const Line& line);
    void remove(Guest& guest);

    Limits limits_;
    std::map<std::string, Guest*> guests_;  // by folded name
    std::map<std::string, Room> rooms_;     // likewise
    std::size_t entered_ = 0;
    bool closed_ = false;
};

/// "* text", as the hall says things.
Line notice(std::string_view text);
