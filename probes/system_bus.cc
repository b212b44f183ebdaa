// SPDX-License-Identifier: Apache-2.0
// The system's D-Bus by sd-bus; see the header.
#include "system_bus.h"

#include <fmt/format.h>

#ifdef VPNDOCTOR_SD_BUS
#include <systemd/sd-bus.h>
#endif

#include <cerrno>
#include <cstring>

#include "handles.h"

namespace vpndoctor {
namespace {

constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

BusCall ask_bus(const char* method, const char* name) {
  return {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method, {name}};
}

#ifdef VPNDOCTOR_SD_BUS
constexpr std::size_t kMostValues = 200'000;
constexpr int kDeepest = 32;
// Half of what dbus-daemon lets a connection wait for (max_replies_per_connection). 800 at once take three times as
// long.
constexpr std::size_t kMostWaiting = 64;
using Kind = DaemonFailure::Kind;
using Message = std::unique_ptr<sd_bus_message, Freer<sd_bus_message_unref>>;
using Slot = std::unique_ptr<sd_bus_slot, Freer<sd_bus_slot_unref>>;

std::uint64_t microseconds(const Deadline& deadline) {
  // Zero would be sd-bus's own 25 seconds.
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(deadline.left().count()) * 1000);
}

std::unexpected<DaemonFailure> fail_by_code(int code, std::string what) {
  const bool is_silent = code == -ETIMEDOUT || code == -EAGAIN;
  if (is_silent) return std::unexpected(DaemonFailure{Kind::kSilent, "it did not answer within 1 s"});
  const Kind kind = code == -ENOENT || code == -ECONNREFUSED ? Kind::kAbsent : Kind::kRefused;
  return std::unexpected(DaemonFailure{kind, fmt::format("{}: {}", what, std::strerror(-code))});
}

/// Turns a message into values, with a bound on how many and how deep.
class MessageReader {
 public:
  explicit MessageReader(sd_bus_message* message) : message_(message) {}

  /// Reads all values up to the end of what is open; false when the message is broken or too large.
  bool read_all(BusValue::List& list, int depth = 0) {
    while (true) {
      char type = 0;
      const char* contents = nullptr;
      const int more = sd_bus_message_peek_type(message_, &type, &contents);
      if (more <= 0) return more == 0;
      if (++count_ > kMostValues || depth > kDeepest) return false;
      if (!read_one(type, contents == nullptr ? "" : contents, list.emplace_back(), depth)) return false;
    }
  }

 private:
  bool read_one(char type, const std::string& contents, BusValue& value, int depth) {
    switch (type) {
      case SD_BUS_TYPE_ARRAY:
        if (contents == "y") return read_bytes(value);
        [[fallthrough]];
      case SD_BUS_TYPE_STRUCT:
      case SD_BUS_TYPE_DICT_ENTRY:
        return read_container(type, contents, value.content.emplace<BusValue::List>(), depth);
      case SD_BUS_TYPE_VARIANT: {
        BusValue::List held;
        if (!read_container(type, contents, held, depth) || held.size() != 1) return false;
        value = std::move(held.front());
        return true;
      }
      case SD_BUS_TYPE_STRING:
      case SD_BUS_TYPE_OBJECT_PATH:
      case SD_BUS_TYPE_SIGNATURE:
        return read_text(type, value);
      default:
        return read_number(type, value);
    }
  }

  bool read_container(char type, const std::string& contents, BusValue::List& list, int depth) {
    return sd_bus_message_enter_container(message_, type, contents.c_str()) > 0 && read_all(list, depth + 1) &&
           sd_bus_message_exit_container(message_) >= 0;
  }

  bool read_bytes(BusValue& value) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    if (sd_bus_message_read_array(message_, 'y', &bytes, &size) < 0) return false;
    value.content = std::string(static_cast<const char*>(bytes), size);
    return true;
  }

  bool read_text(char type, BusValue& value) {
    const char* text = nullptr;
    if (sd_bus_message_read_basic(message_, type, static_cast<void*>(&text)) <= 0) return false;
    value.content = std::string(text);
    return true;
  }

  template <class Stored, class Kept = std::int64_t>
  bool read_as(char type, BusValue& value) {
    Stored stored{};
    if (sd_bus_message_read_basic(message_, type, &stored) <= 0) return false;
    value.content = static_cast<Kept>(stored);
    return true;
  }

  bool read_number(char type, BusValue& value) {
    switch (type) {
      case SD_BUS_TYPE_BOOLEAN:
        return read_as<int, bool>(type, value);
      case SD_BUS_TYPE_BYTE:
        return read_as<std::uint8_t>(type, value);
      case SD_BUS_TYPE_INT16:
        return read_as<std::int16_t>(type, value);
      case SD_BUS_TYPE_UINT16:
        return read_as<std::uint16_t>(type, value);
      case SD_BUS_TYPE_INT32:
        return read_as<std::int32_t>(type, value);
      case SD_BUS_TYPE_UINT32:
        return read_as<std::uint32_t>(type, value);
      case SD_BUS_TYPE_INT64:
        return read_as<std::int64_t>(type, value);
      case SD_BUS_TYPE_UINT64:
        return read_as<std::uint64_t>(type, value);
      case SD_BUS_TYPE_DOUBLE:
        return read_as<double, double>(type, value);
      default:  // a file descriptor, which nothing that is asked here returns
        return false;
    }
  }

  sd_bus_message* message_;
  std::size_t count_ = 0;
};

/// Lets the bus work until `is_done` gives something else than zero, and returns that.
template <class IsDone>
int run_bus(sd_bus* bus, const Deadline& deadline, IsDone is_done) {
  while (true) {
    if (const int done = is_done(); done != 0) return done;
    const int processed = sd_bus_process(bus, nullptr);
    if (processed < 0) return processed;
    if (processed > 0) continue;
    if (deadline.left().count() == 0) return -ETIMEDOUT;
    if (const int waited = sd_bus_wait(bus, microseconds(deadline)); waited < 0 && waited != -EINTR) return waited;
  }
}

Asked<Message> make_message(sd_bus* bus, const BusCall& call) {
  sd_bus_message* made = nullptr;
  const int code = sd_bus_message_new_method_call(bus, &made, call.destination, call.path, call.interface, call.method);
  Message message(made);
  if (code < 0) return fail_by_code(code, call.method);
  sd_bus_message_set_auto_start(made, 0);
  for (const std::string& argument : call.arguments) {
    if (const int appended = sd_bus_message_append(made, "s", argument.c_str()); appended < 0) {
      return fail_by_code(appended, call.method);
    }
  }
  return message;
}

struct PendingAnswer {
  std::optional<BusValue> value;
  int error = 0;
  bool has_arrived = false;
};

int take_answer(sd_bus_message* message, void* pending, sd_bus_error* /*error*/) {
  auto& answer = *static_cast<PendingAnswer*>(pending);
  answer.has_arrived = true;
  if (sd_bus_message_is_method_error(message, nullptr) > 0) {
    answer.error = sd_bus_message_get_errno(message);
    return 0;
  }
  BusValue::List values;
  if (MessageReader(message).read_all(values) && !values.empty()) answer.value = std::move(values.front());
  return 0;
}

/// Below zero when the bus failed, or the daemon did not answer in time.
int wait_until_arrived(sd_bus* bus, const PendingAnswer& answer, const Deadline& deadline) {
  const int waited = run_bus(bus, deadline, [&answer] { return answer.has_arrived ? 1 : 0; });
  if (waited < 0) return waited;
  return answer.error == ETIMEDOUT ? -ETIMEDOUT : 0;
}
#endif

}  // namespace

#ifdef VPNDOCTOR_SD_BUS
void SystemBus::Closer::operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }

Asked<SystemBus> SystemBus::open(const Deadline& deadline) {
  SystemBus bus;
  sd_bus* opened = nullptr;
  const int code = sd_bus_open_system(&opened);
  bus.bus_.reset(opened);
  if (code < 0) return std::unexpected(DaemonFailure{Kind::kAbsent, fmt::format("D-Bus: {}", std::strerror(-code))});
  // sd_bus_call() would wait 25 s until the bus has let us in.
  if (const int ready = run_bus(opened, deadline, [opened] { return sd_bus_is_ready(opened); }); ready < 0) {
    if (ready == -ETIMEDOUT) return std::unexpected(DaemonFailure{Kind::kSilent, "D-Bus did not answer within 1 s"});
    return std::unexpected(DaemonFailure{Kind::kAbsent, fmt::format("D-Bus: {}", std::strerror(-ready))});
  }
  return bus;
}

Asked<BusValue> SystemBus::call(const BusCall& call, const Deadline& deadline) {
  const auto made = make_message(bus_.get(), call);
  if (!made) return std::unexpected(made.error());
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message* answered = nullptr;
  const int called = sd_bus_call(bus_.get(), made->get(), microseconds(deadline), &error, &answered);
  sd_bus_error_free(&error);
  const Message answer(answered);
  if (called < 0) return fail_by_code(called, call.method);
  BusValue::List values;
  if (!MessageReader(answered).read_all(values)) {
    return std::unexpected(DaemonFailure{Kind::kRefused, fmt::format("{}: its answer is too large", call.method)});
  }
  return BusValue{std::move(values)};
}

Asked<std::vector<std::optional<BusValue>>> SystemBus::properties_of_each(const BusCall& object,
                                                                          const std::vector<std::string>& paths,
                                                                          const Deadline& deadline) {
  std::vector<PendingAnswer> pending(paths.size());
  std::vector<Slot> slots;  // when they go, nobody writes to `pending` any more
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (i >= kMostWaiting) {
      const int arrived = wait_until_arrived(bus_.get(), pending[i - kMostWaiting], deadline);
      if (arrived < 0) return fail_by_code(arrived, "GetAll");
    }
    const auto made =
        make_message(bus_.get(), {object.destination, paths[i].c_str(), kProperties, "GetAll", {object.interface}});
    if (!made) return std::unexpected(made.error());
    sd_bus_slot* slot = nullptr;
    const int sent =
        sd_bus_call_async(bus_.get(), &slot, made->get(), take_answer, &pending[i], microseconds(deadline));
    slots.emplace_back(slot);
    if (sent < 0) return fail_by_code(sent, "GetAll");
  }
  std::vector<std::optional<BusValue>> values;
  for (PendingAnswer& each : pending) {
    if (const int arrived = wait_until_arrived(bus_.get(), each, deadline); arrived < 0) {
      return fail_by_code(arrived, "GetAll");
    }
    values.push_back(std::move(each.value));
  }
  return values;
}
#else
void SystemBus::Closer::operator()(sd_bus* /*bus*/) const noexcept {}

Asked<SystemBus> SystemBus::open(const Deadline& /*deadline*/) {
  return std::unexpected(DaemonFailure{DaemonFailure::Kind::kAbsent, "vpndoctor was built without D-Bus"});
}

Asked<std::vector<std::optional<BusValue>>> SystemBus::properties_of_each(const BusCall& /*object*/,
                                                                          const std::vector<std::string>& /*paths*/,
                                                                          const Deadline& /*deadline*/) {
  return std::unexpected(DaemonFailure{DaemonFailure::Kind::kAbsent, "vpndoctor was built without D-Bus"});
}

Asked<BusValue> SystemBus::call(const BusCall& /*call*/, const Deadline& /*deadline*/) {
  return std::unexpected(DaemonFailure{DaemonFailure::Kind::kAbsent, "vpndoctor was built without D-Bus"});
}
#endif

Asked<bool> SystemBus::has_owner(const char* name, const Deadline& deadline) {
  const auto answer = call(ask_bus("NameHasOwner", name), deadline);
  if (!answer) return std::unexpected(answer.error());
  return answer->item(0).truth();
}

Asked<pid_t> SystemBus::process_of(const char* name, const Deadline& deadline) {
  const auto answer = call(ask_bus("GetConnectionUnixProcessID", name), deadline);
  if (!answer) return std::unexpected(answer.error());
  return static_cast<pid_t>(answer->item(0).number());
}

Asked<BusValue> SystemBus::properties(const BusCall& object, const Deadline& deadline) {
  const auto answer = call({object.destination, object.path, kProperties, "GetAll", {object.interface}}, deadline);
  if (!answer) return std::unexpected(answer.error());
  return answer->item(0);
}

Asked<BusValue> SystemBus::property(const BusCall& object, const Deadline& deadline) {
  const BusCall getter{object.destination, object.path, kProperties, "Get", {object.interface, object.method}};
  const auto answer = call(getter, deadline);
  if (!answer) return std::unexpected(answer.error());
  return answer->item(0);
}

}  // namespace vpndoctor
