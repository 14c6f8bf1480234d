#include "loadgen/request_mix.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/json_node.h"
#include "base/limits.h"
#include "base/random.h"

namespace crossover {
namespace {

constexpr std::array<std::string_view, 1> kFileKeys = {"targets"};
constexpr std::array<std::string_view, 5> kTargetKeys = {"path", "method", "body", "body_bytes",
                                                         "weight"};
constexpr std::array<std::string_view, 3> kMethods = {"GET", "HEAD", "POST"};
constexpr uint64_t kPickStream = 0x7069636b;  // so that picks and arrival times hang not together

Target ParseTarget(const JsonNode& node) {
  node.RequireObject(kTargetKeys);
  Target target;
  const JsonNode path = node.Require("path", R"("path": "/")");
  target.path = path.String();
  if (!target.path.starts_with('/')) path.Refuse("must begin with '/'");
  if (std::any_of(target.path.begin(), target.path.end(),
                  [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '#'; })) {
    path.Refuse("has a space, a control character or a '#'");
  }
  if (const auto method = node.Find("method")) {
    target.method = ParseMethod(method->Choice(kMethods));
  }
  const auto body = node.Find("body");
  const auto body_bytes = node.Find("body_bytes");
  if ((body || body_bytes) && target.method != Method::kPost) {
    (body ? *body : *body_bytes).Refuse(R"(only a POST has a body; add "method": "POST")");
  }
  if (body && body_bytes) body_bytes->Refuse("stands beside \"body\"; give one of them");
  if (body) target.body = body->String();
  if (target.body.size() > limits::kBodyBytesMax) body->Refuse("is too long");
  if (body_bytes) {
    target.body = BodyOf(
        static_cast<size_t>(body_bytes->Integer(0, static_cast<int64_t>(limits::kBodyBytesMax))));
  }
  if (const auto weight = node.Find("weight")) {
    target.weight = weight->Number();
    if (!(target.weight > 0 && target.weight <= 1e9)) weight->Refuse("must be above 0, up to 1e9");
  }
  return target;
}

}  // namespace

std::vector<Target> ParseTargets(std::string_view text, std::string_view source) {
  const nlohmann::json file = ParseJsonStrictly(text, source);
  const JsonNode root(file, source);
  root.RequireObject(kFileKeys);
  const JsonNode list = root.Require("targets", R"("targets": [{"path": "/"}])");
  std::vector<Target> targets;
  for (const JsonNode& node : list.Elements()) targets.push_back(ParseTarget(node));
  if (targets.empty()) list.Refuse("is empty; give one target at least");
  if (targets.size() > limits::kTargetsMax) {
    list.Refuse("has more than " + std::to_string(limits::kTargetsMax) + " targets");
  }
  return targets;
}

std::vector<Target> ReadTargets(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw UsageError("--targets: " + path + ": cannot be read, or is empty");
  }
  return ParseTargets(text.str(), path);
}

RequestMix::RequestMix(const std::string& authority, const std::vector<Target>& targets,
                       uint64_t seed)
    : seed_(seed ^ kPickStream) {
  for (const bool closes : {false, true}) {
    for (const Target& each : targets) {
      requests_.push_back(BuildRequest(authority, each.path, each.method, each.body, closes));
    }
  }
  double sum = 0;
  for (const Target& each : targets) cumulated_weights_.push_back(sum += each.weight);
  for (double& each : cumulated_weights_) each /= sum;
}

size_t RequestMix::LongestBytes() const {
  size_t longest = 0;
  for (const Request& each : requests_) longest = std::max(longest, each.bytes.size());
  return longest;
}

uint16_t RequestMix::PickOfSeveral(uint64_t i, uint64_t k) const {
  const auto it = std::lower_bound(cumulated_weights_.begin(), cumulated_weights_.end() - 1,
                                   UniformOf(seed_, i, k));
  return static_cast<uint16_t>(it - cumulated_weights_.begin());
}

}  // namespace crossover
