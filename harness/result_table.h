// ResultTable: what a run found, in a few lines for the terminal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace crossover {

// A line for each cell of `report` (as BuildReport makes it): medians of the headline metrics, and
// whether it is valid. Ends with a newline. Pure.
std::string RenderResultTable(const nlohmann::ordered_json& report);

// A line for each cell that is not valid, with its reasons.
std::vector<std::string> InvalidCells(const nlohmann::ordered_json& report);

// Rows of the same number of texts, as lines of columns: the first and the last to the left, the
// others to the right. A row of one text is a title, and as long as it likes.
std::string AlignedRows(const std::vector<std::vector<std::string>>& rows);

}  // namespace crossover
