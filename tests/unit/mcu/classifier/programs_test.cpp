// The two programs as a person and a release run them.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/unit/mcu/classifier/trained_models.h"

namespace muster::classifier {
namespace {

namespace fs = std::filesystem;
using testing::good_model;

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ClassifierProgramTest : public ::testing::Test {
 protected:
  ClassifierProgramTest() {
    std::string name = (fs::temp_directory_path() / "muster-classifier-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~ClassifierProgramTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  // The program's exit code; what it said is in said().
  int run(const std::string& program, const std::string& arguments) {
    const auto command = "'" + program + "' " + arguments + " >'" + (folder_ / "out").string() + "' 2>'" +
                         (folder_ / "err").string() + "'";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  [[nodiscard]] std::string out() const { return read_all(folder_ / "out"); }
  [[nodiscard]] std::string err() const { return read_all(folder_ / "err"); }
  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

TEST_F(ClassifierProgramTest, TrainerWritesTheSameModelAsTheLibraryEveryTime) {
  ASSERT_EQ(run(CLASSIFIER_TRAIN, "--out " + path("a.mcls")), 0) << err();
  EXPECT_NE(out().find("accuracy on 8000 others"), std::string::npos) << out();
  EXPECT_NE(out().find("it was \\ answered"), std::string::npos) << out();
  ASSERT_EQ(run(CLASSIFIER_TRAIN, "--seed 1 --epochs 40 --golden 16 --out " + path("b.mcls")), 0) << err();
  const std::string expected(ByteView(good_model().bytes).text());
  EXPECT_TRUE(read_all(path("a.mcls")) == expected);
  EXPECT_TRUE(read_all(path("b.mcls")) == expected);
}

TEST_F(ClassifierProgramTest, EvaluationIsEvidence) {
  ASSERT_EQ(run(CLASSIFIER_TRAIN, "--out " + path("good.mcls")), 0) << err();
  ASSERT_EQ(run(CLASSIFIER_EVAL, "--min-accuracy 940 " + path("good.mcls")), 0) << err();
  const auto good = nlohmann::json::parse(out());
  const auto real = confusion_of(testing::held_out(), good_model().model);
  EXPECT_EQ(good["windows"], real.windows());
  EXPECT_EQ(good["accuracy_permille"], real.right() * 1000 / real.windows());
  EXPECT_EQ(good["self_test_permille"], self_test(good_model().model));
  EXPECT_EQ(good["confusion"]["healthy"]["stopped"], real.counts[1][0]);
  ASSERT_EQ(run(CLASSIFIER_TRAIN, "--bad --golden 0 --epochs 5 --out " + path("bad.mcls")), 0) << err();
  EXPECT_EQ(run(CLASSIFIER_EVAL, path("bad.mcls")), 0) << err();
  EXPECT_EQ(run(CLASSIFIER_EVAL, "--min-accuracy 940 " + path("bad.mcls")), 1);
  EXPECT_NE(err().find("at least 940"), std::string::npos) << err();
  const auto bad = nlohmann::json::parse(out());
  EXPECT_LE(bad["accuracy_permille"], 50);
  EXPECT_TRUE(bad["self_test_permille"].is_null());
}

TEST_F(ClassifierProgramTest, WhatIsNoModelIsNamed) {
  std::ofstream(path("text")) << "not a model, and longer than its header";
  EXPECT_EQ(run(CLASSIFIER_EVAL, path("text")), 1);
  EXPECT_NE(err().find("model_magic"), std::string::npos) << err();
  EXPECT_EQ(run(CLASSIFIER_EVAL, path("missing")), 1);
  EXPECT_EQ(run(CLASSIFIER_TRAIN, "--epochs 1 --out " + path("no/such/folder")), 1);
  EXPECT_NE(err().find("no/such/folder"), std::string::npos) << err();
}

TEST_F(ClassifierProgramTest, WrongUsageExitsTwoAndHelpZero) {
  EXPECT_EQ(run(CLASSIFIER_TRAIN, ""), 2);
  EXPECT_EQ(run(CLASSIFIER_TRAIN, "--seed 0 --out x"), 2);
  EXPECT_EQ(run(CLASSIFIER_TRAIN, "--seed 2147483648 --out x"), 2);  // would train on what is held out
  EXPECT_EQ(run(CLASSIFIER_TRAIN, "--golden 65 --out x"), 2);
  EXPECT_EQ(run(CLASSIFIER_EVAL, ""), 2);
  EXPECT_EQ(run(CLASSIFIER_TRAIN, "--help"), 0);
  EXPECT_EQ(run(CLASSIFIER_EVAL, "--help"), 0);
}

}  // namespace
}  // namespace muster::classifier
