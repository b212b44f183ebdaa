// SPDX-License-Identifier: Apache-2.0
// The options of the mtu command, their limits and their help.
#include <algorithm>
#include <limits>
#include <vector>

#include "cli.h"
#include "option_values.h"

namespace vpndoctor {
namespace {

constexpr const char* kMtuExamples =
    "  vpndoctor mtu vpn.example.org             path MTU, black holes, what to set\n"
    "  vpndoctor mtu --outer 10.8.0.1            also the path of the tunnel itself\n"
    "  vpndoctor mtu --port 22 host.example.org  with proof from TCP, both directions\n"
    "  vpndoctor mtu --expect-min 1400 HOST      exit status 1 unless 1400 bytes pass\n"
    "  vpndoctor mtu --read hang.pcap            was it a black hole? from a capture\n";

const std::map<std::string, std::optional<Method>> kMethods{
    {"auto", std::nullopt}, {"icmp", Method::kEcho}, {"udp", Method::kUdp}, {"tcp", Method::kTcp}};

/// What is parsed as text or flag before it becomes a value of the command.
struct RawMtu {
  bool inet = false;
  bool inet6 = false;
  std::string method = "auto";
  std::string source;
  std::string endpoint;
  double deadline_seconds = 30;
};

/// What every IPv4 link carries (RFC 791 section 3.2), and above the smallest probe of either family.
constexpr std::uint64_t kSmallestSize = 68;
constexpr std::uint64_t kLargestSize = 65535;

void add_path_options(CLI::App& app, MtuCommand& mtu, RawMtu& raw) {
  app.add_option("host", mtu.request.host, "Name or address")->type_name("");
  auto* inet = app.add_flag("-4", raw.inet, "Use IPv4");
  app.add_flag("-6", raw.inet6, "Use IPv6")->excludes(inet);
  app.add_option("--interface", mtu.request.interface, "Send through this interface")
      ->check(not_empty())
      ->type_name("IF");
  app.add_option("--source", raw.source, "Send from this address")->check(not_empty())->type_name("ADDR");
  app.add_option("--mark", mtu.request.mark, "Firewall mark of the probes")
      ->transform(whole_number(0, std::numeric_limits<std::uint32_t>::max()))
      ->type_name("N");
  app.add_flag("--outer", mtu.request.outer, "Also measure the path of the tunnel's own packets");
  app.add_option("--endpoint", raw.endpoint, "The tunnel's endpoint for --outer, where it\ncannot be found")
      ->check(not_empty())
      ->needs("--outer")
      ->type_name("ADDR[:PORT]");
}

void add_search_options(CLI::App& app, MtuCommand& mtu, RawMtu& raw) {
  const auto size = whole_number(kSmallestSize, kLargestSize);
  app.add_option("--min", mtu.request.min_bytes, "Smallest size to search (60)")->transform(size)->type_name("BYTES");
  app.add_option("--max", mtu.request.max_bytes, "Largest size to search (the interface's MTU)")
      ->transform(size)
      ->type_name("BYTES");
  app.add_option("--port", mtu.request.port, "Examine this TCP port too (443 if it answers)")
      ->transform(whole_number(1, 65535))
      ->type_name("PORT");
  app.add_option("--method", raw.method, "What carries the probes (auto)")
      ->check(one_of(kMethods))
      ->type_name("auto|icmp|udp|tcp");
  app.add_option("--rate", mtu.request.rate_bytes, "Bytes sent in a round trip, at most (32768)")
      ->transform(whole_number(1500, 1U << 24U))
      ->type_name("BYTES");
  app.add_flag("--gentle", mtu.request.gentle, "At most 11 sizes at a time");
  app.add_option("--deadline", raw.deadline_seconds, "Stop after this time (30)")
      ->check(seconds(0.1, 3600))
      ->type_name("SECONDS");
  app.add_option("--expect-min", mtu.expect_min_bytes, "Check that packets of this size get through")
      ->transform(size)
      ->type_name("BYTES");
}

std::optional<Error> complete_mtu(MtuCommand& mtu, const RawMtu& raw) {
  if (raw.inet) mtu.request.family = Family::kInet;
  if (raw.inet6) mtu.request.family = Family::kInet6;
  mtu.request.method = kMethods.at(raw.method);
  mtu.request.deadline = std::chrono::duration<double>(raw.deadline_seconds);
  if (!raw.source.empty()) {
    mtu.request.source = IpAddress::parse(raw.source);
    if (!mtu.request.source) {
      return Error{ErrorKind::kUsage, fmt::format("--source: {} is not an address", in_quotes(raw.source)),
                   "give one of this machine's addresses"};
    }
  }
  if (!raw.endpoint.empty()) {
    auto endpoint = parse_endpoint(raw.endpoint);
    if (!endpoint) return endpoint.error();
    mtu.request.endpoint = std::move(*endpoint);
  }
  if (mtu.request.min_bytes && mtu.request.max_bytes && *mtu.request.min_bytes > *mtu.request.max_bytes) {
    return Error{ErrorKind::kUsage,
                 fmt::format("--min {} is above --max {}", *mtu.request.min_bytes, *mtu.request.max_bytes),
                 "give the smaller size to --min"};
  }
  if (mtu.expect_min_bytes && mtu.request.max_bytes && *mtu.expect_min_bytes > *mtu.request.max_bytes) {
    return Error{ErrorKind::kUsage,
                 fmt::format("--expect-min {} is above --max {}", *mtu.expect_min_bytes, *mtu.request.max_bytes),
                 "leave out --max"};
  }
  if (mtu.request.method == Method::kTcp && !mtu.request.port) mtu.request.port = 443;
  return std::nullopt;
}

/// A capture is examined as it is: what says how to measure a path is of no use, and is not ignored in silence.
std::optional<Error> check_read(const std::vector<CLI::Option*>& measuring, const std::string& read_file) {
  const auto given = std::ranges::find_if(measuring, [](const CLI::Option* option) { return option->count() > 0; });
  if (read_file.empty() || given == measuring.end()) return std::nullopt;
  const bool is_host = (*given)->get_positional();
  return Error{ErrorKind::kUsage,
               fmt::format("--read examines a capture: it goes without {}", is_host ? "a host" : (*given)->get_name()),
               "leave out one of the two"};
}

class MtuOptions final : public CommandOptions {
 public:
  MtuOptions(CLI::App& app, OutputOptions& output, RawOutput& raw_output)
      : app_(app.add_subcommand("mtu", "Find the path MTU, and where larger packets vanish")) {
    set_examples(*app_, kMtuExamples);
    add_path_options(*app_, mtu_, raw_);
    add_search_options(*app_, mtu_, raw_);
    measuring_ = app_->get_options([this](const CLI::Option* option) { return option != app_->get_help_ptr(); });
    app_->add_option("--read", mtu_.read_file, "Examine a capture instead of a path (-: standard\ninput)")
        ->check(not_empty())
        ->type_name("FILE");
    add_output_options(*app_, output, raw_output);
    add_fail_on_option(*app_, raw_output);
  }

  std::optional<Result<ParsedCommand>> parsed() const override {
    if (!app_->parsed()) return std::nullopt;
    MtuCommand mtu = mtu_;
    if (auto error = check_read(measuring_, mtu.read_file)) return std::unexpected(*error);
    if (!mtu.read_file.empty()) return mtu;
    if (app_->count("host") == 0) return failure(ErrorKind::kUsage, "host is required", "give a name or an address");
    if (auto error = complete_mtu(mtu, raw_)) return std::unexpected(*error);
    return mtu;
  }

 private:
  CLI::App* app_;
  std::vector<CLI::Option*> measuring_;  ///< the host and the options of a measurement
  MtuCommand mtu_;
  RawMtu raw_;
};

}  // namespace

std::unique_ptr<CommandOptions> add_mtu_command(CLI::App& app, OutputOptions& output, RawOutput& raw) {
  return std::make_unique<MtuOptions>(app, output, raw);
}

}  // namespace vpndoctor
