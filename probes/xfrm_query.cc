// SPDX-License-Identifier: Apache-2.0
// Reads IPsec policies and states over netlink; see leak_facets.h. The messages of states hold keys: their memory is
// wiped, and nothing of them reaches the model.
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "leak_facets.h"
#include "netlink.h"
#include "proc_files.h"
#include "xfrm_message.h"

namespace vpndoctor {
namespace {

constexpr const char* kNetlinkSockets = "/proc/net/netlink";

/// An answer whose memory is wiped when it goes.
class WipedReply {
 public:
  explicit WipedReply(NetlinkReply reply) : reply_(std::move(reply)) {}
  WipedReply(const WipedReply&) = delete;
  WipedReply& operator=(const WipedReply&) = delete;
  WipedReply(WipedReply&&) = default;
  WipedReply& operator=(WipedReply&&) = delete;
  ~WipedReply() {
    for (NetlinkMessage& each : reply_.messages) ::explicit_bzero(each.payload.data(), each.payload.size());
  }
  const NetlinkReply* operator->() const { return &reply_; }

 private:
  NetlinkReply reply_;
};

Result<WipedReply> ask(std::uint16_t type, int flags, std::size_t payload_size) {
  const std::array<std::byte, sizeof(xfrm_userpolicy_default)> payload{};
  const NlMessage message = netlink_message(type, flags);
  if (!message || nlmsg_append(message.get(), const_cast<std::byte*>(payload.data()), payload_size, NLMSG_ALIGNTO) != 0)
    return failure(ErrorKind::kInternal, "build a netlink request");
  auto reply = netlink_exchange(NETLINK_XFRM, *message);
  if (!reply) return std::unexpected(reply.error());
  return WipedReply(std::move(*reply));
}

std::string interface_name(int index) {
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(static_cast<unsigned>(index), name.data()) != nullptr) return name.data();
  return fmt::format("#{}", index);  // gone: the policy takes no packet
}

/// How many messages were not taken, and why.
struct Untaken {
  int malformed = 0;
  int not_understood = 0;
  void count(XfrmTaken taken) {
    malformed += taken == XfrmTaken::kMalformed ? 1 : 0;
    not_understood += taken == XfrmTaken::kNotUnderstood ? 1 : 0;
  }
};

void add_limits(Observed<Xfrm>& observed, const Untaken& untaken, bool interrupted) {
  if (untaken.malformed > 0) {
    observed.add_limit(fmt::format("{} IPsec message{} of the kernel could not be decoded", untaken.malformed,
                                   untaken.malformed == 1 ? "" : "s"));
  }
  if (untaken.not_understood > 0) {
    observed.add_limit(fmt::format("{} IPsec sub-polic{} not understood", untaken.not_understood,
                                   untaken.not_understood == 1 ? "y is" : "ies are"));
  }
  if (interrupted) observed.add_limit("IPsec policies changed while they were read");
}

/// True when nothing in this kernel can have made a policy: neither xfrm_user nor af_key has come. Asking over netlink
/// would load the former.
bool has_no_ipsec() {
  const auto sockets = read_small_file(kNetlinkSockets);
  if (!sockets || lists_netlink_protocol(*sockets, NETLINK_XFRM).value_or(true)) return false;
  return ::access("/proc/net/pfkey", F_OK) != 0 && errno == ENOENT;
}

std::string why_refused(int error_number, const std::string& sentence) {
  if (error_number == EPERM || error_number == EACCES) return "only root may read IPsec policies";
  return fmt::format("the kernel does not tell its IPsec policies: {}", sentence);
}

}  // namespace

Observed<Xfrm> read_xfrm() {
  if (has_no_ipsec()) return {Xfrm(), kNetlinkSockets};
  const auto policies = ask(XFRM_MSG_GETPOLICY, NLM_F_DUMP, 0);
  if (!policies) return Observed<Xfrm>::missing(policies.error().message);
  if ((*policies)->error_number != 0) {
    return Observed<Xfrm>::missing(why_refused((*policies)->error_number, (*policies)->why()));
  }
  const auto states = ask(XFRM_MSG_GETSA, NLM_F_DUMP, 0);
  if (!states) return Observed<Xfrm>::missing(states.error().message);
  Xfrm xfrm;
  Untaken untaken;
  for (const NetlinkMessage& each : (*policies)->messages) {
    if (each.type == XFRM_MSG_NEWPOLICY) untaken.count(take_xfrm_policy(each.payload, interface_name, xfrm.policies));
  }
  for (const NetlinkMessage& each : (*states)->messages) {
    if (each.type == XFRM_MSG_NEWSA) untaken.count(take_xfrm_state(each.payload, xfrm.states));
  }
  // Kernels before 5.15 know no default, and refuse the question.
  const auto defaults = ask(XFRM_MSG_GETDEFAULT, 0, sizeof(xfrm_userpolicy_default));
  for (const NetlinkMessage& each : defaults ? (*defaults)->messages : std::vector<NetlinkMessage>{}) {
    if (each.type == XFRM_MSG_GETDEFAULT) {
      xfrm.blocks_output_by_default = decode_xfrm_default(each.payload).value_or(false);
    }
  }
  Observed<Xfrm> observed(std::move(xfrm), "netlink");
  add_limits(observed, untaken, (*policies)->interrupted || (*states)->interrupted);
  if ((*states)->error_number != 0) observed.add_limit("IPsec states could not be read: " + (*states)->why());
  return observed;
}

}  // namespace vpndoctor
