// SPDX-License-Identifier: Apache-2.0
// Names by c-ares; see the header.
#include "cares_lookup.h"

#include <ares.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "dns_socket.h"

namespace vpndoctor {
namespace {

using AresChannel = std::unique_ptr<ares_channeldata, Freer<ares_destroy>>;

/// Takes what a reply says into the answer of a way.
void fill_way(const DnsMessage& reply, std::uint16_t type, DnsWayAnswer& way) {
  way.outcome = DnsOutcome::kAnswered;
  way.status = dns_rcode_name(reply.rcode);
  for (const IpAddress& address : answered_addresses(reply)) way.addresses.push_back(address.to_string());
  for (const DnsRecord& record : reply.answers) {
    if (record.type == type && !record.address) way.addresses.push_back(record.text);
  }
  std::ranges::sort(way.addresses);
}

/// One question at one server. Its address is given to c-ares' callbacks, so it stays where it is.
class CaresLookup {
 public:
  CaresLookup(const DnsAsk& ask, const DnsProbing& probing);
  CaresLookup(const CaresLookup&) = delete;
  CaresLookup& operator=(const CaresLookup&) = delete;

  void start();
  void add_descriptors(std::vector<pollfd>& polled) const;
  /// When it must be processed although nothing is readable.
  std::optional<Milliseconds> wait() const;
  void process();
  bool done() const { return done_; }
  const DnsWayAnswer& answer() const { return answer_; }

 private:
  static int configure(ares_socket_t socket, int type, void* self);
  static void finish(void* self, int status, int timeouts, unsigned char* reply, int size);
  bool open_channel(const DnsProbing& probing);
  void take(int status, int timeouts, std::span<const std::byte> reply);

  DnsAsk ask_;
  DnsWayAnswer answer_;
  std::chrono::steady_clock::time_point started_at_;
  std::string why_not_bound_;
  bool done_ = false;
  AresChannel channel_;
};

CaresLookup::CaresLookup(const DnsAsk& ask, const DnsProbing& probing) : ask_(ask) {
  answer_.way = ask.server.to_string();
  answer_.interface = ask.interface;
  if (!open_channel(probing)) done_ = true;
}

/// Without the server list, the search list and the lookup order of this machine: only this server is asked.
bool CaresLookup::open_channel(const DnsProbing& probing) {
  ares_options options{};
  std::array<char, 2> lookups{'b', '\0'};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP;
  options.timeout = static_cast<int>(probing.timeout.count());
  options.tries = static_cast<int>(probing.tries);
  options.lookups = lookups.data();
  const int mask =
      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS;
  ares_channel channel = nullptr;
  int status = ares_init_options(&channel, &options, mask);
  channel_.reset(channel);
  ares_addr_port_node node{};
  node.family = ask_.server.address.family == Family::kInet ? AF_INET : AF_INET6;
  std::memcpy(&node.addr, ask_.server.address.bytes.data(), ask_.server.address.octets().size());
  node.udp_port = node.tcp_port = ask_.server.port;
  // A channel without the server would ask the machine's own.
  if (status == ARES_SUCCESS) status = ares_set_servers_ports(channel, &node);
  if (status != ARES_SUCCESS) answer_.reason = ares_strerror(status);
  return status == ARES_SUCCESS;
}

int CaresLookup::configure(ares_socket_t socket, int /*type*/, void* self) {
  auto& lookup = *static_cast<CaresLookup*>(self);
  lookup.why_not_bound_ = bind_to_device(socket, lookup.ask_.interface);
  return lookup.why_not_bound_.empty() ? 0 : -1;
}

void CaresLookup::start() {
  started_at_ = std::chrono::steady_clock::now();
  ares_set_socket_configure_callback(channel_.get(), &CaresLookup::configure, this);
  ares_query(channel_.get(), ask_.name.c_str(), kDnsClassIn, ask_.type, &CaresLookup::finish, this);
}

void CaresLookup::finish(void* self, int status, int timeouts, unsigned char* reply, int size) {
  // A channel that is destroyed tells its questions so; the lookup is no longer to be touched then.
  if (status == ARES_EDESTRUCTION) return;
  const auto bytes = std::as_bytes(std::span(reply, reply == nullptr ? 0 : static_cast<std::size_t>(size)));
  static_cast<CaresLookup*>(self)->take(status, timeouts, bytes);
}

void CaresLookup::take(int status, int timeouts, std::span<const std::byte> reply) {
  done_ = true;
  answer_.took = std::chrono::steady_clock::now() - started_at_;
  answer_.lost = static_cast<unsigned>(timeouts);
  if (!reply.empty()) {
    const auto message = decode_dns_message(reply);
    if (message) return fill_way(*message, ask_.type, answer_);
    answer_.outcome = DnsOutcome::kMalformed;
    answer_.reason = "what came is no DNS message";
  } else if (!why_not_bound_.empty()) {
    answer_.outcome = DnsOutcome::kNotBound;
    answer_.reason = why_not_bound_;
  } else {
    answer_.outcome = status == ARES_ETIMEOUT       ? DnsOutcome::kSilent
                      : status == ARES_ECONNREFUSED ? DnsOutcome::kUnreachable
                                                    : DnsOutcome::kMalformed;
    answer_.reason = ares_strerror(status);
    if (status == ARES_ECONNREFUSED) answer_.reason = "it cannot be reached";
    if (status == ARES_ETIMEOUT) answer_.reason = fmt::format("no answer to {} questions", timeouts);
  }
}

void CaresLookup::add_descriptors(std::vector<pollfd>& polled) const {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const int wanted = ares_getsock(channel_.get(), sockets.data(), ARES_GETSOCK_MAXNUM);
  for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    short events = ARES_GETSOCK_READABLE(wanted, i) ? POLLIN : 0;
    if (ARES_GETSOCK_WRITABLE(wanted, i)) events |= POLLOUT;
    if (events != 0) polled.push_back({sockets[static_cast<std::size_t>(i)], events, 0});
  }
}

std::optional<Milliseconds> CaresLookup::wait() const {
  timeval left{};
  if (ares_timeout(channel_.get(), nullptr, &left) == nullptr) return std::nullopt;
  return std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
}

/// Descriptors are few and never block: all are offered to c-ares, and then its timeouts.
void CaresLookup::process() {
  std::vector<pollfd> polled;
  add_descriptors(polled);
  poll(polled.data(), polled.size(), 0);
  for (const pollfd& each : polled) {
    const bool failed = (each.revents & (POLLERR | POLLHUP)) != 0;
    const bool readable = (each.revents & POLLIN) != 0 || failed;
    const bool writable = (each.revents & POLLOUT) != 0 || failed;
    ares_process_fd(channel_.get(), readable ? each.fd : ARES_SOCKET_BAD, writable ? each.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

using Lookups = std::vector<std::unique_ptr<CaresLookup>>;

/// Waits for any of them; false when it was interrupted.
bool wait_for(const Lookups& lookups, int interrupt_descriptor) {
  std::vector<pollfd> polled;
  Milliseconds wait{1000};
  for (const auto& lookup : lookups) {
    if (lookup->done()) continue;
    lookup->add_descriptors(polled);
    wait = std::min(wait, lookup->wait().value_or(wait));
  }
  polled.push_back({interrupt_descriptor, POLLIN, 0});
  poll(polled.data(), polled.size(), static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
  return polled.back().revents == 0;
}

void drive(const Lookups& lookups, int interrupt_descriptor) {
  const auto is_open = [](const auto& lookup) { return !lookup->done(); };
  while (std::ranges::any_of(lookups, is_open)) {
    if (!wait_for(lookups, interrupt_descriptor)) return;
    for (const auto& lookup : lookups) {
      if (!lookup->done()) lookup->process();
    }
  }
}

/// What our own prober found, as a way.
DnsWayAnswer way_of(const DnsExchange& exchange) {
  DnsWayAnswer way;
  way.way = exchange.server.to_string();
  way.interface = exchange.interface;
  way.outcome = exchange.outcome;
  way.reason = exchange.reason;
  if (exchange.rcode) way.status = dns_rcode_name(*exchange.rcode);
  for (const std::string& text : exchange.answers) {
    if (!text.starts_with("-> ")) way.addresses.push_back(text);
  }
  std::ranges::sort(way.addresses);
  way.took = exchange.rtt;
  way.lost = exchange.sent > 0 ? exchange.sent - 1 : 0;
  return way;
}

}  // namespace

std::vector<DnsWayAnswer> look_up_at_servers(const std::vector<DnsAsk>& asks, const DnsProbing& probing) {
  std::vector<DnsAsk> zoned;
  Lookups lookups;
  for (const DnsAsk& ask : asks) {
    if (ask.server.address.is_link_local()) {
      zoned.push_back(ask);
      continue;
    }
    lookups.push_back(std::make_unique<CaresLookup>(ask, probing));
    if (!lookups.back()->done()) lookups.back()->start();
  }
  drive(lookups, probing.interrupt_descriptor);
  const std::vector<DnsExchange> own = ask_dns_servers(zoned, probing);
  std::vector<DnsWayAnswer> answers;
  auto next_lookup = lookups.begin();
  auto next_own = own.begin();
  for (const DnsAsk& ask : asks) {
    answers.push_back(ask.server.address.is_link_local() ? way_of(*next_own++) : (*next_lookup++)->answer());
    const bool is_open = answers.back().outcome == DnsOutcome::kNotAsked && answers.back().reason.empty();
    if (is_open) answers.back().reason = "interrupted";
  }
  return answers;
}

}  // namespace vpndoctor
