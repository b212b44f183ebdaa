// SPDX-License-Identifier: Apache-2.0
// Asks services on the system's D-Bus. Starts none: a name without an owner is not asked. Knows no service. Without
// sd-bus at build time (VPNDOCTOR_SD_BUS) every bus is absent and says so.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ask_daemon.h"
#include "vpndoctor/bus_value.h"

struct sd_bus;

namespace vpndoctor {

/// A method of an object, and the texts that it takes.
struct BusCall {
  const char* destination = "";
  const char* path = "";
  const char* interface = "";
  const char* method = "";
  std::vector<std::string> arguments = {};
};

class SystemBus {
 public:
  /// Connects to DBUS_SYSTEM_BUS_ADDRESS, else to /run/dbus/system_bus_socket.
  static Asked<SystemBus> open(const Deadline& deadline);

  /// Calls a method; the value is the list of what it returned, with at most 200,000 values in it.
  Asked<BusValue> call(const BusCall& call, const Deadline& deadline);
  /// Whether a service has this name now.
  Asked<bool> has_owner(const char* name, const Deadline& deadline);
  /// The process that has this name, as the bus numbers it.
  Asked<pid_t> process_of(const char* name, const Deadline& deadline);
  /// All properties of an interface of an object.
  Asked<BusValue> properties(const BusCall& object, const Deadline& deadline);
  /// The same of many objects with that interface, asked at once; in the order of `paths`, null for one that was not
  /// told (there is no such object). Fails when any is not answered in time.
  Asked<std::vector<std::optional<BusValue>>> properties_of_each(const BusCall& object,
                                                                 const std::vector<std::string>& paths,
                                                                 const Deadline& deadline);
  /// One property; `object.method` is its name.
  Asked<BusValue> property(const BusCall& object, const Deadline& deadline);

 private:
  struct Closer {
    void operator()(sd_bus* bus) const noexcept;
  };
  std::unique_ptr<sd_bus, Closer> bus_;
};

}  // namespace vpndoctor
