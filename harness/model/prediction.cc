#include "harness/model/prediction.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "harness/architecture_facts.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

// What the parts are called in charts; in the order in which they are shown.
struct Part {
  std::string_view name;
  std::string_view label;
};
constexpr Part kParts[] = {{"switches", "thread switches"},
                           {"futex", "futex"},
                           {"epoll", "epoll"},
                           {"io_uring", "io_uring"},
                           {"receive", "receive"},
                           {"send", "send"},
                           {"user_scheduler", "user scheduler"},
                           {"http", "HTTP"},
                           {"other_calls", "other system calls"}};

// System calls that cost what a step of another name does.
struct CallStep {
  std::string_view call;
  std::string_view part;
  std::string_view step;
  bool by_connections;
};
constexpr CallStep kCallSteps[] = {{"sendto", "send", "send", true},
                                   {"sendmsg", "send", "send", true},
                                   {"write", "send", "send", true},
                                   {"epoll_ctl", "epoll", "rearm", true},
                                   {"futex", "futex", "futex_wake", false}};

// What a request passes through in user space and no kernel's counter sees.
struct OwnStep {
  std::string_view architecture;
  std::string_view step;
  double count;
};
constexpr OwnStep kOwnSteps[] = {{"fiber", "fiber_switch", 2},
                                 {"coroutine", "coroutine_switch", 1},
                                 {"dispatch-pool", "handoff_queue", 1}};

// Events that Asio takes from the kernel at once.
constexpr double kAsioBatch = 128;

class CostMissing : public std::runtime_error {
 public:
  CostMissing(std::string_view step, int64_t connections)
      : std::runtime_error("the cost of \"" + std::string(step) + "\"" +
                           (connections > 0 ? " at " + std::to_string(connections) : "") +
                           " was not measured") {}
};

class Prediction {
 public:
  Prediction(const ordered_json& cell, const std::string& architecture, const CostTable& costs)
      : trace_(cell["trace"]),
        architecture_(architecture),
        connections_(cell["connections"].get<int64_t>()),
        costs_(costs),
        us_(std::size(kParts)),
        steps_(std::size(kParts), ordered_json::array()) {
    // Readings of before this one was taken had other requests in mind.
    if (!costs_.WaitNs(connections_, 1)) throw CostMissing("wait_closed", connections_);
    if (architecture_ == "io-uring-per-core") {
      Add("http", "session", 1, Cost("session", connections_));
      AddRing();
    } else {
      AddSession();
      AddStack();
      AddCalls();
    }
    AddSwitches();
    AddOwnSteps();
  }

  double total_us() const {
    double sum = 0;
    for (const double part : us_) sum += part;
    return sum;
  }
  ordered_json PartsToJson() const;

 private:
  double Cost(std::string_view step, int64_t connections = 0, int64_t ready = 0) const {
    const auto ns = costs_.Find(step, connections, ready);
    if (!ns) throw CostMissing(step, connections);
    return *ns;
  }
  void Add(std::string_view part, std::string_view step, double count, double ns) {
    if (count <= 0) return;
    const auto place =
        static_cast<size_t>(std::ranges::find(kParts, part, &Part::name) - std::begin(kParts));
    us_.at(place) += count * ns / 1e3;
    steps_[place].push_back({{"step", step}, {"count", count}, {"ns", ns}});
  }

  void AddSession();
  double SessionBetweenCallsNs() const;
  void AddStack();
  bool HasThreadPerConnection() const;
  void AddCalls();
  void AddReceives(double count);
  void AddWaits(double count);
  void AddRing();
  void AddSwitches();
  void AddOwnSteps();

  const ordered_json& trace_;
  const std::string& architecture_;
  const int64_t connections_;
  const CostTable& costs_;
  std::vector<double> us_;  // by the place in kParts
  std::vector<ordered_json> steps_;
};

// Between two system calls the session finds its caches and branches cold: it costs what a request
// costs more than the two calls, and not what it costs alone.
void Prediction::AddSession() { Add("http", "session_between_calls", 1, SessionBetweenCallsNs()); }

double Prediction::SessionBetweenCallsNs() const {
  const double calls_ns = Cost("receive", connections_) + Cost("send", connections_);
  return std::max(Cost("session", connections_), Cost("request", connections_) - calls_ns);
}

bool Prediction::HasThreadPerConnection() const {
  return ServerThreads({.name = architecture_, .label = {}, .options = {}}, connections_, 1) >=
         connections_;
}

// A stack that only one connection uses is cold when its turn comes.
void Prediction::AddStack() {
  if (!HasThreadPerConnection() && architecture_ != "fiber") return;
  const auto own_ns = costs_.Find("session_own_stack", connections_);
  if (!own_ns) return;  // a run of before it was measured
  Add("http", "own_stack", 1,
      std::max(0.0, *own_ns - Cost("session", connections_) - 2 * Cost("fiber_switch")));
}

// What a call is for is not seen: one receive and one send are taken to move the request and its
// response, and any further receive to find nothing.
void Prediction::AddReceives(double count) {
  const double moving = std::min(count, 1.0);
  Add("receive", "receive", moving, Cost("receive", connections_));
  if (count > 1) Add("receive", "receive_empty", count - 1, Cost("receive_empty", connections_));
}

void Prediction::AddWaits(double count) {
  double waits = 0;
  double ns = 0;
  for (const ordered_json& each : trace_["epoll_waits_by_events"]) {
    const auto cost = costs_.WaitNs(connections_, each[0].get<double>());
    if (!cost) throw CostMissing("wait_closed", connections_);
    waits += each[1].get<double>();
    ns += *cost * each[1].get<double>();
  }
  if (waits > 0) Add("epoll", "wait_closed", count, ns / waits);
}

void Prediction::AddCalls() {
  double receives = 0;
  double waits = 0;
  for (const auto& [name, value] : trace_["system_calls_per_request"].items()) {
    const auto count = value.get<double>();
    const auto* known = std::ranges::find(kCallSteps, name, &CallStep::call);
    if (name == "recvfrom" || name == "recvmsg" || name == "read") {
      receives += count;
    } else if (name.starts_with("epoll_") && name != "epoll_ctl") {
      waits += count;
    } else if (known != std::end(kCallSteps)) {
      Add(known->part, known->step, count,
          Cost(known->step, known->by_connections ? connections_ : 0));
    } else {
      Add("other_calls", name, count, Cost("system_call"));
    }
  }
  if (receives > 0) AddReceives(receives);
  if (waits > 0) AddWaits(waits);
}

// A ring moves request and response without a call for each.
void Prediction::AddRing() {
  Add("io_uring", "uring_request", 1,
      std::max(0.0, Cost("uring_request", connections_) - Cost("session", connections_)));
}

// Between many threads each finds its stack cold. It blocks in receiving, and so looks for bytes
// twice within the call: before, and when it was woken.
void Prediction::AddSwitches() {
  const double switches = trace_["switches_per_request"].get<double>();
  if (HasThreadPerConnection()) {
    Add("switches", "switch_closed", switches, Cost("switch_closed", connections_));
    return Add("receive", "look_again", switches,
               std::max(0.0, Cost("receive_empty", connections_) - Cost("system_call")));
  }
  // Who was preempted by another thread of the server runs again when that one blocks.
  const double all_preemptions = trace_["preemptions_per_request"].get<double>();
  const auto preemption_ns = costs_.Find("preemption");  // older runs lack it
  const double preemptions =
      preemption_ns ? std::min(all_preemptions, switches - all_preemptions) : 0;
  Add("switches", "preemption", preemptions, preemption_ns.value_or(0));
  Add("switches", "pingpong_futex", switches - 2 * preemptions,
      std::max(0.0, Cost("pingpong_futex") - Cost("futex_wake_none") - Cost("futex_wait_changed")));
}

void Prediction::AddOwnSteps() {
  for (const OwnStep& own : kOwnSteps) {
    if (own.architecture != architecture_) continue;
    Add("user_scheduler", own.step, own.count, Cost(own.step));
  }
  if (!architecture_.starts_with("asio-")) return;
  const double batch = std::min(kAsioBatch, static_cast<double>(connections_));
  const double wait_ns = costs_.WaitNs(connections_, batch).value_or(0);
  const double bare_ns = SessionBetweenCallsNs() + Cost("receive", connections_) +
                         Cost("send", connections_) + wait_ns / batch;
  Add("user_scheduler", "asio_request", 1,
      std::max(0.0, Cost("asio_request", connections_) - bare_ns));
}

ordered_json Prediction::PartsToJson() const {
  ordered_json parts = ordered_json::array();
  for (size_t i = 0; i < us_.size(); ++i) {
    if (us_[i] <= 0) continue;
    parts.push_back({{"part", kParts[i].name},
                     {"label", kParts[i].label},
                     {"us", us_[i]},
                     {"steps", steps_[i]}});
  }
  return parts;
}

}  // namespace

ordered_json PredictCell(const ordered_json& cell, const std::string& architecture,
                         const Workload& workload, const CostTable& costs) {
  if (workload.method != "GET" || workload.path != "/" || workload.requests_per_connection > 0) {
    return {{"unavailable",
             "costs are known of GET / on connections that stay, and not of this workload"}};
  }
  if (workload.open() || workload.active_percent) {
    return {{"unavailable",
             "costs are known of closed loops, in which each connection has a request under way"}};
  }
  const auto trace = cell.find("trace");
  if (trace == cell.end()) return {{"unavailable", "the experiment has no trace"}};
  if (trace->contains("unavailable")) {
    return {{"unavailable", "no trace: " + (*trace)["unavailable"].get<std::string>()}};
  }
  try {
    const Prediction prediction(cell, architecture, costs);
    ordered_json out = {
        {"predicted_us", prediction.total_us()}, {"measured_us", nullptr}, {"ratio", nullptr}};
    const ordered_json& measured = cell["metrics"]["cpu_us_per_request"]["median"];
    if (measured.is_number() && measured.get<double>() > 0) {
      out["measured_us"] = measured;
      out["ratio"] = prediction.total_us() / measured.get<double>();
    }
    out["parts"] = prediction.PartsToJson();
    return out;
  } catch (const CostMissing& missing) {
    return {{"unavailable", missing.what()}};
  }
}

ordered_json JudgePredictions(const ordered_json& cells) {
  size_t judged = 0;
  size_t within = 0;
  for (const ordered_json& cell : cells) {
    const auto prediction = cell.find("prediction");
    if (prediction == cell.end() || !cell["verdict"]["valid"].get<bool>()) continue;
    const ordered_json ratio = prediction->value("ratio", ordered_json());
    if (!ratio.is_number()) continue;
    ++judged;
    within += std::abs(ratio.get<double>() - 1) <= kPredictionTolerance ? 1 : 0;
  }
  return {{"tolerance", kPredictionTolerance}, {"cells", judged}, {"within", within}};
}

}  // namespace crossover
