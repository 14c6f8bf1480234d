#include "harness/profile/profile_summary.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <span>
#include <vector>

#include "base/duration.h"
#include "harness/profile/sliced_window.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::ordered_json;

// What the table shows together, in the order of its columns.
struct Column {
  std::string_view title;
  std::vector<std::string_view> groups;
};

const std::vector<Column>& Columns() {
  static const std::vector<Column> columns = {
      {"scheduler", {"scheduler"}},
      {"futex", {"futex"}},
      {"epoll, io_uring", {"epoll", "io_uring"}},
      {"TCP", {"tcp"}},
      {"sockets, accept and close", {"sockets", "connections"}},
      {"system call entry", {"system_call"}},
      {"memory, threads", {"memory", "threads"}},
      {"user scheduler", {"user_scheduler"}},
      {"HTTP, handler", {"http", "handler"}},
      {"runtime, libc", {"runtime"}},
      {"interrupts", {"interrupts"}},
      {"other", {"other", "other_kernel"}},
  };
  return columns;
}

std::string Fixed(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string RowName(const ordered_json& report, const ordered_json& cell) {
  std::string name = cell["architecture"].get<std::string>() + " | " +
                     IntegerText(cell["connections"].get<int64_t>());
  if (report["experiment"]["workloads"].size() > 1) {
    name = cell["workload"].get<std::string>() + " | " + name;
  }
  return name;
}

std::string HeadOfTable(const ordered_json& report, const std::vector<std::string>& titles) {
  const bool several = report["experiment"]["workloads"].size() > 1;
  std::string text =
      several ? "| workload | architecture | connections |" : "| architecture | connections |";
  for (const std::string& title : titles) text += " " + title + " |";
  text += several ? "\n|---|---|---:|" : "\n|---|---:|";
  for (size_t i = 0; i < titles.size(); ++i) text += "---:|";
  return text + "\n";
}

// Of `key` ("share" or "cpu_us_per_request") over the groups of a column; nullopt if there is none.
std::optional<double> SumOf(const ordered_json& classes, std::string_view key,
                            const std::vector<std::string_view>& groups) {
  double sum = 0;
  for (const ordered_json& each : classes) {
    if (std::ranges::count(groups, each["group"].get_ref<const std::string&>()) == 0) continue;
    if (each[std::string(key)].is_null()) return std::nullopt;
    sum += each[std::string(key)].get<double>();
  }
  return sum;
}

std::string ProfileRow(const ordered_json& report, const ordered_json& cell) {
  const ordered_json& profile = cell["profile"];
  std::string text = "| " + RowName(report, cell) + " |";
  if (profile.contains("unavailable")) {
    return text + " n/a: " + profile["unavailable"].get<std::string>() + " |\n";
  }
  text += " " + Fixed("%.1f %%", 100 * profile["scheduler_share"].get<double>()) + " |";
  for (const Column& column : Columns()) {
    const auto sum = SumOf(profile["classes"], "cpu_us_per_request", column.groups);
    text += " " + (sum ? Fixed("%.2f", *sum) : "n/a") + " |";
  }
  const ordered_json& accounted = profile["cpu_seconds_accounted"];
  text += " " +
          (accounted.is_null() || accounted.get<double>() <= 0
               ? "n/a"
               : Fixed("%.3f",
                       profile["cpu_seconds_sampled"].get<double>() / accounted.get<double>())) +
          " |";
  return text + " " + IntegerText(profile["samples"].get<int64_t>()) + " |\n";
}

// "switching the profile on took 1.02 times (1.00 to 1.03) the CPU per request, over 63 pairs of
// slices"
std::string CostText(const ordered_json& report, const char* instrument) {
  const ordered_json& cost = report["instruments"][instrument];
  if (cost.is_null()) return {};
  std::string text = "What it costs itself: CPU per request with it on is " +
                     Fixed("%.3f", cost["cpu_per_request_ratio"].get<double>()) +
                     " times that with it off";
  if (!cost["ci95_low"].is_null()) {
    text += " (95 % interval " + Fixed("%.3f", cost["ci95_low"].get<double>()) + " to " +
            Fixed("%.3f", cost["ci95_high"].get<double>()) + ")";
  }
  return text + ", over " + CountText(cost["pairs"].get<size_t>(), "pair") +
         " of stretches with and without it.\n\n";
}

// The same of the counters, and what that makes in the window of a throughput trial.
std::string CountersCostText(const ordered_json& report) {
  const ordered_json cost = report["instruments"].value("counters", ordered_json());
  if (cost.is_null() || cost["ci95_low"].is_null()) return {};
  const auto window_ns = static_cast<double>(
      ParseDurationNs(report["experiment"]["load"]["duration"].get<std::string>(), "duration"));
  const auto in_window = [&](const char* key) {
    return Fixed("%.2f",
                 (cost[key].get<double>() - 1) * 100 * static_cast<double>(kSliceNs) / window_ns);
  };
  return "What the counters of the throughput trials cost (of servers of one process): a reading "
         "adds " +
         in_window("cpu_per_request_ratio") + " % of CPU to a window (95 % interval " +
         in_window("ci95_low") + " to " + in_window("ci95_high") + "), from " +
         CountText(cost["pairs"].get<size_t>(), "pair") +
         " of slices of 0.25 s with and without one.\n\n";
}

std::string WhereTheCpuGoes(const ordered_json& report) {
  std::vector<std::string> titles = {"scheduler's share"};
  for (const Column& column : Columns()) titles.push_back(std::string(column.title) + ", µs");
  titles.insert(titles.end(), {"sampled / accounted", "samples"});
  std::string text =
      "## Where the CPU goes\n\nThe server's CPU per request in parts that add up to it: samples "
      "of "
      "its call chains, in trials of their own, times the CPU per request of the throughput "
      "trials. "
      "`sampled / accounted`: CPU time by samples over that by the kernel's account.\n\n" +
      HeadOfTable(report, titles);
  for (const ordered_json& cell : report["cells"]) {
    if (cell.contains("profile")) text += ProfileRow(report, cell);
  }
  text += "\n" + CostText(report, "profile") + CountersCostText(report);
  for (const ordered_json& each : report["explanations"]) {
    text += "- " + each["text"].get<std::string>() + "\n";
  }
  return text +
         "\nThe functions with the most samples stand in [profiles/](profiles/), as tables "
         "(`*.top.txt`, `*.side-by-side.txt`), flame graphs (`*.svg`) and folded stacks "
         "(`*.folded`), and for pprof and speedscope (`*.pb`).\n\n";
}

std::string Microseconds(const ordered_json& ns) {
  return ns.is_null() ? "n/a" : NumberText(ns.get<double>() / 1e3);
}

// "recvfrom 1.00, sendto 1.00, epoll_wait 0.02": the most frequent.
std::string CallsText(const ordered_json& calls) {
  constexpr size_t kTold = 4;
  std::vector<std::pair<double, std::string>> by_count;
  for (const auto& [name, count] : calls.items()) by_count.emplace_back(count.get<double>(), name);
  std::ranges::sort(by_count, std::greater());
  by_count.resize(std::min(kTold, by_count.size()));
  std::string text;
  for (const auto& [count, name] : by_count) {
    text += (text.empty() ? "" : ", ") + name + " " + Fixed("%.3f", count);
  }
  return text;
}

std::string EventsPerWait(const ordered_json& waits) {
  double count = 0;
  double events = 0;
  for (const ordered_json& each : waits) {
    count += each[1].get<double>();
    events += each[0].get<double>() * each[1].get<double>();
  }
  return count > 0 ? Fixed("%.1f", events / count) : "-";
}

std::string TraceRow(const ordered_json& report, const ordered_json& cell) {
  const ordered_json& trace = cell["trace"];
  std::string text = "| " + RowName(report, cell) + " |";
  if (trace.contains("unavailable")) {
    return text + " n/a: " + trace["unavailable"].get<std::string>() + " |\n";
  }
  const ordered_json& wait = trace["run_queue_ns"];
  for (const char* quantile : {"p50", "p99", "p999"}) {
    text += " " + Microseconds(wait.value(quantile, ordered_json())) + " |";
  }
  const double waiting = wait.value("still_waiting", 0.0);
  const double woken = wait.value("count", 0.0) + waiting;
  text += " " + (woken > 0 ? Fixed("%.1f %%", 100 * waiting / woken) : std::string("-")) + " |";
  for (const char* key :
       {"wakings_per_request", "wakings_across_cpus_per_request", "preemptions_per_request"}) {
    text += " " + Fixed("%.3f", trace[key].get<double>()) + " |";
  }
  return text + " " + CallsText(trace["system_calls_per_request"]) + " | " +
         EventsPerWait(trace["epoll_waits_by_events"]) + " |\n";
}

std::string WhatTheSchedulerDoes(const ordered_json& report) {
  std::string text =
      "## What the scheduler does\n\nBy its tracepoints, in trials of their own. Run-queue "
      "latency: "
      "from being woken to running.\n\n" +
      HeadOfTable(report, {"run-queue latency p50, µs", "p99, µs", "p99.9, µs",
                           "longer than traced", "wake-ups/request", "across CPUs",
                           "preemptions/request", "system calls/request", "events/epoll_wait"});
  for (const ordered_json& cell : report["cells"]) {
    if (cell.contains("trace")) text += TraceRow(report, cell);
  }
  return text + "\n" + CostText(report, "trace");
}

}  // namespace

std::string RenderProfileSummary(const ordered_json& report) {
  std::string text;
  const auto any = [&](const char* key) {
    return std::ranges::any_of(report["cells"],
                               [&](const ordered_json& cell) { return cell.contains(key); });
  };
  if (any("profile")) text += WhereTheCpuGoes(report);
  if (any("trace")) text += WhatTheSchedulerDoes(report);
  return text;
}

}  // namespace crossover
