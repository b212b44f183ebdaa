// SPDX-License-Identifier: Apache-2.0
// The dumps of rtnetlink, one facet after the other; see the header.
#include "network_reading.h"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>

#include "netlink.h"
#include "route_reader.h"
#include "rtnl_decode.h"
#include "rtnl_numbers.h"

namespace vpndoctor {
namespace {

constexpr const char* kFactSource = "netlink";
constexpr Family kFamilies[] = {Family::kInet, Family::kInet6};

template <class Header>
NlMessage dump_request(std::uint16_t type, const Header& header) {
  NlMessage message = netlink_message(type, 0);
  if (message) nlmsg_append(message.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO);
  return message;
}

/// What one facet's dumps left behind besides its values.
struct FacetEnd {
  bool consistent = true;
  std::size_t malformed = 0;
  std::optional<Error> refusal;  ///< the facet could not be read
};

/// A family, or a kind of object, that this kernel does not have: there is nothing to list.
bool has_none(int error_number) {
  return error_number == EAFNOSUPPORT || error_number == EOPNOTSUPP || error_number == EPFNOSUPPORT;
}

void run_dump(NlMessage message, std::uint16_t answer_type, FacetEnd& facet, const std::function<bool(Bytes)>& take) {
  if (!message) {
    facet.refusal = Error{ErrorKind::kInternal, "a netlink request could not be built", {}};
    return;
  }
  const auto end = netlink_dump(*message, [&](std::uint16_t type, Bytes payload) {
    if (type == answer_type && !take(payload)) ++facet.malformed;
  });
  if (!end) {
    facet.refusal = end.error();
  } else if (end->error_number != 0 && !has_none(end->error_number)) {
    facet.refusal = netlink_failure("the kernel refused", end->error_number).error();
    if (!end->error_text.empty()) facet.refusal->message += fmt::format(" ({})", end->error_text);
  }
  if (end && end->interrupted) facet.consistent = false;
  // The kernel had more to tell than came through; every other refusal would come again.
  if (end && (end->error_number == ENOBUFS || end->error_number == EMSGSIZE)) facet.consistent = false;
}

/// The facet as it is told: missing when a dump was refused, limited when messages were not understood.
template <class T>
Observed<T> observed(T value, const FacetEnd& facet) {
  if (facet.refusal) return Observed<T>::missing(fmt::format("it could not be read: {}", facet.refusal->message));
  Observed<T> seen(std::move(value), kFactSource);
  if (facet.malformed > 0) {
    seen.add_limit(fmt::format("{} of the kernel's messages could not be understood", facet.malformed));
  }
  return seen;
}

/// Reads one attempt. Keeps what the facets share: the names of interfaces.
class NetworkReading {
 public:
  explicit NetworkReading(Snapshot& snapshot) : snapshot_(snapshot) {}

  void read() {
    snapshot_.routes = {};  // of the attempt before: two large tables need not fit
    // Links come first not only for their names: the kernel lists them under the lock that a change holds from its
    // event to its end, so that none whose event was before the subscription is still under way
    // (net/core/dev.c __dev_notify_flags() tells of a link that goes down before its IPv4 routes go, in silence).
    read_links();
    read_next_hop_objects();
    read_addresses();
    read_rules();
    read_routes();
    read_neighbours();
  }
  bool consistent() const { return consistent_ && !names_.missed(); }
  const std::optional<Error>& links_refusal() const { return links_refusal_; }

 private:
  template <class T>
  void settle(Observed<T>& facet, T value, const FacetEnd& end) {
    facet = observed(std::move(value), end);
    consistent_ = consistent_ && end.consistent;
  }

  void read_links() {
    std::vector<LinkMessage> messages;
    FacetEnd end;
    NlMessage request = dump_request(RTM_GETLINK, ifinfomsg{});
    // Statistics of virtual functions are large and nobody here reads them.
    if (request) nla_put_u32(request.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    run_dump(std::move(request), RTM_NEWLINK, end, [&](Bytes payload) {
      auto link = decode_link(payload);
      if (link) messages.push_back(std::move(*link));
      return link.has_value();
    });
    for (const LinkMessage& message : messages) names_.set(message.link.index, message.link.name);
    std::vector<Link> links;
    links.reserve(messages.size());
    for (const LinkMessage& message : messages) links.push_back(resolve_link_names(message, names_));
    settle(snapshot_.links, std::move(links), end);
    links_refusal_ = end.refusal;
  }

  void read_next_hop_objects() {
    std::vector<NextHopObject> objects;
    FacetEnd end;
    run_dump(dump_request(RTM_GETNEXTHOP, nhmsg{}), RTM_NEWNEXTHOP, end, [&](Bytes payload) {
      auto object = decode_next_hop_object(payload, names_);
      if (object) objects.push_back(std::move(*object));
      return object.has_value();
    });
    settle(snapshot_.next_hop_objects, std::move(objects), end);
  }

  void read_addresses() {
    std::vector<Address> addresses;
    FacetEnd end;
    for (const Family family : kFamilies) {
      ifaddrmsg header{};
      header.ifa_family = kernel_family(family);
      run_dump(dump_request(RTM_GETADDR, header), RTM_NEWADDR, end, [&](Bytes payload) {
        auto address = decode_address(payload, names_);
        if (address && address->address.family == family) addresses.push_back(std::move(*address));
        return address.has_value();
      });
    }
    settle(snapshot_.addresses, std::move(addresses), end);
  }

  void read_rules() {
    std::vector<Rule> rules;
    FacetEnd end;
    for (const Family family : kFamilies) {
      fib_rule_hdr header{};
      header.family = kernel_family(family);
      run_dump(dump_request(RTM_GETRULE, header), RTM_NEWRULE, end, [&](Bytes payload) {
        auto rule = decode_rule(payload);
        if (rule && rule->family == family) rules.push_back(std::move(*rule));
        return rule.has_value();
      });
    }
    settle(snapshot_.rules, std::move(rules), end);
  }

  void read_routes() {
    static const std::vector<NextHopObject> kNone;
    const auto* objects = snapshot_.next_hop_objects.get();
    RouteReader reader(names_, objects == nullptr ? kNone : *objects);
    FacetEnd end;
    for (const Family family : kFamilies) {
      rtmsg header{};
      header.rtm_family = kernel_family(family);
      run_dump(dump_request(RTM_GETROUTE, header), RTM_NEWROUTE, end, [&](Bytes payload) {
        reader.take(family, payload);
        return true;
      });
    }
    end.malformed = reader.malformed();
    settle(snapshot_.routes, reader.finish(), end);
  }

  void read_neighbours() {
    std::vector<Neighbour> neighbours;
    FacetEnd end;
    // A neighbour on a link that is not listed decides nothing; neighbours come and go all the time.
    InterfaceNames names = names_;
    for (const Family family : kFamilies) {
      ndmsg header{};
      header.ndm_family = kernel_family(family);
      run_dump(dump_request(RTM_GETNEIGH, header), RTM_NEWNEIGH, end, [&](Bytes payload) {
        auto neighbour = decode_neighbour(payload, names);
        if (neighbour && neighbour->address.family == family) neighbours.push_back(std::move(*neighbour));
        return neighbour.has_value();
      });
    }
    snapshot_.neighbours = observed(std::move(neighbours), end);
    if (!end.consistent && snapshot_.neighbours) snapshot_.neighbours.add_limit("they changed while they were read");
  }

  Snapshot& snapshot_;
  InterfaceNames names_;
  bool consistent_ = true;
  std::optional<Error> links_refusal_;
};

}  // namespace

Result<bool> read_network(Snapshot& snapshot) {
  NetworkReading reading(snapshot);
  reading.read();
  if (const auto& refusal = reading.links_refusal()) {
    return failure(refusal->kind, fmt::format("read the interfaces: {}", refusal->message), refusal->hint);
  }
  return reading.consistent();
}

}  // namespace vpndoctor
