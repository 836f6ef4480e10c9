"""arrived.py SENT RECEIVED: is every record of SENT in RECEIVED, in its order and unchanged? A record may come twice: what
was on its way when the receiver died is sent again.
   arrived.py --told OUTPUT LOG: does LOG say once that this output's receiver is away, and once that it is back?"""
import re
import sys


def told(output, log):
    port = re.search(r":(\d+)'", output).group(1)
    with open(log, encoding="utf-8") as f:
        lines = [line for line in f if f":{port}: " in line]
    return len(lines) == 2 and "waits" in lines[0] and "is back" in lines[1]


def main():
    if sys.argv[1] == "--told":
        return not told(*sys.argv[2:])
    with open(sys.argv[1], encoding="utf-8") as f:
        sent = f.readlines()
    with open(sys.argv[2], encoding="utf-8") as f:
        received = f.readlines()
    strangers = [line for line in received if line not in set(sent)]
    first = [line for at, line in enumerate(received) if line not in received[:at]]
    if strangers or first != sent:
        missing = [line for line in sent if line not in set(received)]
        print(f"      {len(sent)} sent, {len(received)} received, {len(missing)} missing, {len(strangers)} changed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
