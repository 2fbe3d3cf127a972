"""scripts/check-layers finds what it is there to find, and lets pass what is allowed."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check-layers"


class CheckLayersTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self._folder.name)
        self.write("core/units.h", "#pragma once\n")
        self.write("sim/engine.h", '#pragma once\n#include "core/units.h"\n')
        self.write("sim/engine.cc", '#include "sim/engine.h"\n#include <vector>\n'
                                    '#include "absl/status/status.h"\n')

    def tearDown(self):
        self._folder.cleanup()

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, str(SCRIPT), "--rules-only", "--root",
                               str(self.root), *arguments], capture_output=True, text=True)

    def assert_passes(self):
        done = self.run_script()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_finds(self, place, part):
        done = self.run_script()
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        found = [l for l in done.stdout.splitlines() if l.startswith(place + ": ")]
        self.assertEqual(len(found), 1, done.stdout)
        self.assertIn(part, found[0])

    def test_tree_in_order_passes(self):
        self.assert_passes()

    def test_include_against_the_order(self):
        self.write("core/random.cc", '#include "core/units.h"\n\n  #  include "sim/engine.h"\n')
        self.assert_finds("core/random.cc:3", "core/ may include only core")

    def test_next_layer_up_is_a_violation_too(self):
        self.write("runs/folder.h", "#pragma once\n")
        self.write("agents/rules/kpa.cc", '#include "runs/folder.h"\n')
        self.assert_finds("agents/rules/kpa.cc:1", "agents/ may include only")

    def test_layers_may_not_include_tests(self):
        self.write("tests/util.h", "#pragma once\n")
        self.write("cli/main.cc", '#include "tests/util.h"\n')
        self.assert_finds("cli/main.cc:1", "may not depend on tests/")

    def test_tests_may_include_anything(self):
        self.write("tests/core/units_test.cc", '#include "sim/engine.h"\n#include <torch/types.h>\n')
        self.assert_passes()

    def test_torch_outside_its_folders(self):
        self.write("agents/rules/kpa.h", "#pragma once\n#include <torch/types.h>\n")
        self.assert_finds("agents/rules/kpa.h:2", "Torch")

    def test_all_of_torch_anywhere(self):
        self.write("agents/nn/encoder.h", "#pragma once\n#include <torch/torch.h>\n")
        self.assert_finds("agents/nn/encoder.h:2", "agents/nn/torch.h")

    def test_generated_headers_are_where_their_source_is(self):
        self.write("agents/ppo/events.proto", "")
        self.write("agents/ppo/events.cc", '#include "agents/ppo/events.pb.h"\n')
        self.assert_passes()

    def test_torch_in_its_folders(self):
        self.write("agents/nn/encoder.h", "#pragma once\n#include <torch/types.h>\n")
        self.assert_passes()

    def test_sockets_outside_the_controller(self):
        self.write("core/net.cc", "#include <sys/socket.h>\n")
        self.assert_finds("core/net.cc:1", "network")

    def test_angle_brackets_do_not_hide_a_violation(self):
        self.write("core/a.cc", "#include <core/units.h>\n")
        self.assert_finds("core/a.cc:1", 'write "core/units.h"')

    def test_missing_file(self):
        self.write("sim/a.cc", '#include "core/unitz.h"\n')
        self.assert_finds("sim/a.cc:1", "does not exist")

    def test_relative_include(self):
        self.write("sim/a.cc", '#include "engine.h"\n')
        self.assert_finds("sim/a.cc:1", "from the root")

    def test_tests_may_include_their_neighbours(self):
        self.write("tests/sim/testing.h", "#pragma once\n")
        self.write("tests/sim/a_test.cc", '#include "testing.h"\n')
        self.assert_passes()

    def test_header_without_pragma_once(self):
        self.write("sim/b.h", "// nothing\n")
        self.assert_finds("sim/b.h:1", "#pragma once")

    def test_a_source_includes_its_header_first(self):
        self.write("sim/b.h", "#pragma once\n")
        self.write("sim/b.cc", '// why\n#include <vector>\n\n#include "sim/b.h"\n')
        self.assert_finds("sim/b.cc:1", "not first")
        self.write("sim/b.cc", '// why\n#include "sim/b.h"\n\n#include <vector>\n')
        self.assert_passes()

    def test_empty_tree_is_an_error(self):
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run([sys.executable, str(SCRIPT), "--rules-only", "--root", empty],
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)

    def test_this_project_is_in_order(self):
        done = subprocess.run([sys.executable, str(SCRIPT), "--rules-only"], capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
