"""Restored frames of a running daemon in OpenCV, each with its time and what was done to it.

    pip install opencv-python-headless
    python3 examples/opencv.py [http://127.0.0.1:8080] [TOKEN]

cv2.VideoCapture reads the stream, too, but keeps frames back and tells no times. Here a frame is
the newest one when it is asked for, and what is slow skips frames instead of falling behind.
"""

import sys
import time
import urllib.request

import cv2
import numpy


def frames(url, token=None):
    """The headers of each frame, by their names in lower case, and its picture (BGR, 8 bits)."""
    request = urllib.request.Request(f"{url}/stream.mjpg")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as stream:
        while True:
            head = {}
            while (line := stream.readline().strip()) or not head:
                name, colon, value = line.decode().partition(": ")
                if colon:
                    head[name.lower()] = value
            jpeg = numpy.frombuffer(stream.read(int(head["content-length"])), numpy.uint8)
            yield head, cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


if __name__ == "__main__":
    for head, picture in frames(*(sys.argv[1:3] or ["http://127.0.0.1:8080"])):
        age_s = time.time() - float(head["x-timestamp"])
        gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        sharpness = cv2.Laplacian(gray, cv2.CV_64F).var()
        print(f"frame {head['x-deblurd-sequence']}: {picture.shape[1]}x{picture.shape[0]}, "
              f"{age_s:.3f} s old, effort {head['x-deblurd-effort']}, sharpness {sharpness:.0f}",
              flush=True)
