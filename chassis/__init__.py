"""What all services stand on."""

import os

# Services start other programs (Apertium, espeak-ng). gRPC would then print a line for each start, about forking with
# threads; nothing of gRPC is used in those children. It reads this when it is first imported, which is after this.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# OpenBLAS's threads spin for a while after each matrix product, on the cores that the engines need; numpy's share of
# the work is far too small for threads. Read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
