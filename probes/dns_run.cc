// SPDX-License-Identifier: Apache-2.0
// What UDP and TCP have in common; see the header.
#include "dns_run.h"

#include <sys/random.h>
#include <sys/socket.h>

#include "dns_run_tcp.h"
#include "dns_run_udp.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxListedAnswers = 64;

std::uint16_t random_id() {
  std::uint16_t id = 0;
  // Of 2 bytes getrandom() gives all, or none before the pool is filled, when nothing is asked for yet either.
  if (getrandom(&id, sizeof id, 0) != sizeof id) return 0;
  return id;
}

/// "-> name" for a CNAME, else the record's data.
std::vector<std::string> listed_answers(const DnsMessage& reply) {
  std::vector<std::string> texts;
  for (const DnsRecord& record : reply.answers) {
    if (texts.size() == kMaxListedAnswers) break;
    texts.push_back(record.type == kDnsTypeCname ? "-> " + record.text : record.text);
  }
  return texts;
}

}  // namespace

DnsRun::DnsRun(const DnsAsk& ask, const DnsProbing& probing)
    : ask_(ask), timeout_(probing.timeout), tries_(probing.tries), duplicate_wait_(probing.duplicate_wait) {
  exchange_.server = ask.server;
  exchange_.interface = ask.interface;
  exchange_.name = ask.name;
  exchange_.type = ask.type;
  exchange_.transport = ask.transport;
  exchange_.edns_bytes = ask.edns_bytes;
  question_.name = ask.name;
  question_.type = ask.type;
  question_.dns_class = ask.dns_class;
  question_.edns_bytes = ask.edns_bytes;
}

bool DnsRun::open(int socket_type) {
  socket_ = open_dns_socket(ask_.server, ask_.interface, socket_type);
  if (!socket_.why_not_bound.empty()) {
    end(DnsOutcome::kNotBound, socket_.why_not_bound);
  } else if (!socket_.why_none.empty()) {
    end(DnsOutcome::kNotAsked, socket_.why_none);
  }
  return !done_;
}

std::vector<std::byte> DnsRun::next_question() {
  question_.id = random_id();
  const auto message = encode_dns_question(question_);
  if (message) return *message;
  end(DnsOutcome::kNotAsked, "the name is none that DNS can carry");
  return {};
}

void DnsRun::fill(const DnsMessage& reply, std::size_t bytes, Milliseconds rtt) {
  exchange_.outcome = DnsOutcome::kAnswered;
  exchange_.reason.clear();
  exchange_.rtt = rtt;
  exchange_.rcode = reply.rcode;
  exchange_.truncated = reply.truncated;
  exchange_.answers = listed_answers(reply);
  exchange_.reply_bytes = static_cast<std::uint32_t>(bytes);
  if (reply.extension) exchange_.server_bytes = reply.extension->udp_bytes;
}

void DnsRun::end(DnsOutcome outcome, std::string reason) {
  exchange_.outcome = outcome;
  exchange_.reason = std::move(reason);
  socket_.fd.reset();
  done_ = true;
}

std::unique_ptr<DnsRun> make_dns_run(const DnsAsk& ask, const DnsProbing& probing) {
  if (ask.transport == DnsTransport::kTcp) return std::make_unique<DnsTcpRun>(ask, probing);
  return std::make_unique<DnsUdpRun>(ask, probing);
}

}  // namespace vpndoctor
