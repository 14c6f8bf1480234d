#!/usr/bin/python3
"""Whether HdrHistogram's own Java implementation reads from crossover-load's encoding what crossover-load
says itself: hdr_check.py [--build DIR]. Needs java and Debian's libhdrhistogram-java; skips without."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

JAR = Path("/usr/share/java/hdrhistogram.jar")
DECODER = """
import java.nio.ByteBuffer;
import java.util.Base64;
import org.HdrHistogram.Histogram;

public class Decode {
  public static void main(String[] arguments) throws Exception {
    ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(arguments[0]));
    Histogram histogram = Histogram.decodeFromCompressedByteBuffer(bytes, 0);
    System.out.println(histogram.getTotalCount());
    for (double percentile : new double[] {50, 90, 99, 99.9}) {
      System.out.println(histogram.getValueAtPercentile(percentile));
    }
    System.out.println(histogram.getMaxValue());
  }
}
"""


def load(build):
    with subprocess.Popen([build / "crossover-null"], stdout=subprocess.PIPE, text=True) as null:
        try:
            port = json.loads(null.stdout.readline())["port"]
            output = subprocess.run([build / "crossover-load", "-c", "100", "--warmup", "0s", "-d", "1s",
                                     "--json", "-", f"http://127.0.0.1:{port}/"],
                                    capture_output=True, text=True, check=True).stdout
            return json.loads(output)
        finally:
            null.terminate()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path("build"))
    build = parser.parse_args().build.resolve()
    if not shutil.which("java") or not JAR.exists():
        print("skipped: there is no java, or no libhdrhistogram-java")
        return 0
    result = load(build)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "Decode.java"
        source.write_text(DECODER, encoding="ascii")
        decoded = subprocess.run(["java", "-cp", JAR, source, result["latency_hdr"]], check=True,
                                 capture_output=True, text=True).stdout.split()
    latency = result["latency_ns"]
    failed = 0
    for name, theirs in zip(("count", "p50", "p90", "p99", "p999", "max"), map(int, decoded)):
        # The maximum is exact in ours alone: theirs is the end of its bucket, 1/256 above at most.
        agrees = theirs == latency[name] or (name == "max" and 0 <= theirs / latency[name] - 1 < 1 / 256)
        failed += not agrees
        print(f"{'ok  ' if agrees else 'MISS'}  {name:6s} {latency[name]:>12} {theirs:>12}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
