"""Runs a command and prints its peak of resident memory in kB."""
import os
import subprocess
import sys

with open(os.devnull, "wb") as null:
    child = subprocess.Popen(sys.argv[1:], stdout=null)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
