#include "harness/result_table.h"

#include <gtest/gtest.h>

namespace crossover {
namespace {

nlohmann::ordered_json Report() {
  const auto cell = [](const char* architecture, int connections, nlohmann::ordered_json metrics,
                       nlohmann::ordered_json reasons) {
    return nlohmann::ordered_json{{"architecture", architecture},
                                  {"connections", connections},
                                  {"workload", "hello"},
                                  {"verdict", {{"valid", reasons.empty()}, {"reasons", reasons}}},
                                  {"metrics", metrics}};
  };
  nlohmann::ordered_json report;
  report["experiment"]["workloads"] = nlohmann::ordered_json::array({{{"name", "hello"}}});
  report["cells"] = nlohmann::ordered_json::array();
  report["cells"].push_back(cell("epoll-pool", 8000,
                                 {{"throughput_rps", {{"median", 123456.7}}},
                                  {"cpu_us_per_request", {{"median", 5.128}}},
                                  {"latency_us_p50", {{"median", 1500}}}},
                                 nlohmann::ordered_json::array()));
  report["cells"].push_back(
      cell("tpc", 8000, {{"throughput_rps", {{"median", nullptr}}}},
           nlohmann::ordered_json::array(
               {{{"code", "failed"}, {"trials", 3}, {"detail", "the server ended"}}})));
  return report;
}

TEST(ResultTable, HasALineForEachCell) {
  EXPECT_EQ(RenderResultTable(Report()),
            "architecture at connections  requests/s  CPU us/request  switches/request  p50 ms  "
            "p99 ms  bytes/connection\n"
            "epoll-pool at 8,000             123,457            5.13                 -    1.50  "
            "     -                 -\n"
            "tpc at 8,000                          -               -                 -       -  "
            "     -                 -  not valid\n");
}

TEST(ResultTable, GroupsByWorkload) {
  nlohmann::ordered_json report = Report();
  report["experiment"]["workloads"].push_back({{"name", "a-workload-with-a-rather-long-name"}});
  report["cells"].push_back(report["cells"][0]);
  report["cells"][2]["workload"] = "a-workload-with-a-rather-long-name";
  report["cells"][2]["metrics"]["offered_rps"] = {{"median", 150000}};
  report["cells"][2]["metrics"]["shed_share"] = {{"median", 0.1234}};
  EXPECT_EQ(
      RenderResultTable(report),
      "architecture  offered/s  requests/s  shed %  CPU us/request  switches/request  p50 ms  "
      "p99 ms  bytes/connection\n"
      "hello, 8,000 connections:\n"
      "  epoll-pool          -     123,457       -            5.13                 -    1.50"
      "       -                 -\n"
      "  tpc                 -           -       -               -                 -       -"
      "       -                 -  not valid\n"
      "a-workload-with-a-rather-long-name, 8,000 connections:\n"
      "  epoll-pool    150,000     123,457    12.3            5.13                 -    1.50"
      "       -                 -\n");
  EXPECT_EQ(
      InvalidCells(report),
      std::vector<std::string>{"tpc at 8,000 (hello) is not valid: failed (the server ended)"});
}

TEST(ResultTable, NamesTheInvalidCellsWithTheirReasons) {
  EXPECT_EQ(InvalidCells(Report()),
            std::vector<std::string>{"tpc at 8,000 is not valid: failed (the server ended)"});
}

}  // namespace
}  // namespace crossover
