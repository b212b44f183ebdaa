// SPDX-License-Identifier: Apache-2.0
// A program of somebody else that uses the installed library: one call into each layer, a class with a virtual table
// included.
#include <vpndoctor/codes.h>
#include <vpndoctor/ip.h>
#include <vpndoctor/probe_channel.h>
#include <vpndoctor/render.h>
#include <vpndoctor/resolve_target.h>
#include <vpndoctor/version.h>

#include <cstdio>

namespace {

class NoChannel : public vpndoctor::ProbeChannel {
 public:
  vpndoctor::CarrierAbilities abilities() const override { return {}; }
  std::string privilege() const override { return "none"; }
  std::expected<void, vpndoctor::SendFailure> send(const vpndoctor::Probe&) override { return {}; }
  std::vector<int> descriptors() const override { return {}; }
  void receive(std::vector<vpndoctor::Reply>&) override {}
  std::uint64_t ignored() const override { return 0; }
};

}  // namespace

int main() {
  const auto target = vpndoctor::resolve_target("::1", std::nullopt);
  const auto text = vpndoctor::render_text({});
  const bool good = vpndoctor::IpAddress::parse("192.0.2.1").has_value() && vpndoctor::find_code("MTU001") != nullptr &&
                    target.has_value() && target->address.is_loopback() && text.ends_with('\n') &&
                    NoChannel().privilege() == "none";
  std::printf("libvpndoctor %s: %s\n", vpndoctor::version(), good ? "good" : "wrong answers");
  return good ? 0 : 1;
}
