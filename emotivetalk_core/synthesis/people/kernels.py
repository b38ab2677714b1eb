"""What is done for every triangle, fibre and pixel, compiled by numba: z-buffer, normals, soft fibres.

Imported only where people are rendered: numba comes with the extra `train`. Screen points are x and y in pixels, edges
at whole numbers, and the distance to the camera.
"""

from math import ceil, floor, sqrt

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True)
def vertex_normals(vertices, triangles, normals):
    """Area-weighted unit normals [n, 3] of the triangles' vertices; others keep what they had."""
    for t in range(triangles.shape[0]):
        for c in range(3):
            normals[triangles[t, c], 0] = 0.0
            normals[triangles[t, c], 1] = 0.0
            normals[triangles[t, c], 2] = 0.0
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        bx, by, bz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for c in range(3):
            normals[triangles[t, c], 0] += x
            normals[triangles[t, c], 1] += y
            normals[triangles[t, c], 2] += z
    for i in range(normals.shape[0]):
        length = sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length


@njit(cache=True, fastmath=True)
def fill_triangles(points, triangles, nearness, owner, first, second):
    """Z-buffer of 1 / distance: where a triangle is nearest, its index and its perspective-correct barycentrics."""
    high, wide = nearness.shape
    one, half = np.float32(1.0), np.float32(0.5)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= 0.0:  # turned away
            continue
        left, right = max(0, int(ceil(min(x0, x1, x2) - half))), min(wide - 1, int(floor(max(x0, x1, x2) - half)))
        top, low = max(0, int(ceil(min(y0, y1, y2) - half))), min(high - 1, int(floor(max(y0, y1, y2) - half)))
        if left > right or top > low:
            continue
        q0, q1, q2 = one / points[i, 2], one / points[j, 2], one / points[k, 2]
        inverse = one / area
        for y in range(top, low + 1):
            py = np.float32(y) + half
            for x in range(left, right + 1):
                px = np.float32(x) + half
                u = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * inverse
                if u < 0.0:
                    continue
                v = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * inverse
                w = one - u - v
                if v < 0.0 or w < 0.0:
                    continue
                near = u * q0 + v * q1 + w * q2
                if near > nearness[y, x]:
                    nearness[y, x] = near
                    owner[y, x] = t
                    first[y, x] = u * q0 / near
                    second[y, x] = v * q1 / near


@njit(cache=True, fastmath=True)
def fill_depth(points, triangles, depth):
    """Parallel projection: the largest third coordinate over each pixel, for shadows."""
    high, wide = depth.shape
    half = np.float32(0.5)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0:
            continue
        left, right = max(0, int(ceil(min(x0, x1, x2) - half))), min(wide - 1, int(floor(max(x0, x1, x2) - half)))
        top, low = max(0, int(ceil(min(y0, y1, y2) - half))), min(high - 1, int(floor(max(y0, y1, y2) - half)))
        if left > right or top > low:
            continue
        inverse = np.float32(1.0) / area
        for y in range(top, low + 1):
            py = np.float32(y) + half
            for x in range(left, right + 1):
                px = np.float32(x) + half
                u = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * inverse
                v = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * inverse
                if u < 0.0 or v < 0.0 or u + v > 1.0:
                    continue
                z = u * points[i, 2] + v * points[j, 2] + (np.float32(1.0) - u - v) * points[k, 2]
                if z > depth[y, x]:
                    depth[y, x] = z


@njit(cache=True, fastmath=True)
def line_depth(points, depth):
    """The same for fibres [s, k, 3], as lines one pixel wide."""
    high, wide = depth.shape
    for s in range(points.shape[0]):
        for j in range(points.shape[1] - 1):
            x0, y0, z0 = points[s, j, 0], points[s, j, 1], points[s, j, 2]
            dx, dy, dz = points[s, j + 1, 0] - x0, points[s, j + 1, 1] - y0, points[s, j + 1, 2] - z0
            steps = int(max(abs(dx), abs(dy))) + 1
            for i in range(steps):
                t = i / steps
                x, y, z = int(x0 + t * dx), int(y0 + t * dy), z0 + t * dz
                if 0 <= x < wide and 0 <= y < high and z > depth[y, x]:
                    depth[y, x] = z


@njit(cache=True, fastmath=True)
def seen_nodes(points, nearness, bias):
    """Which nodes of fibres [s, k, 3] lie in the picture and before its solids, by the z-buffer: [s, k] bool."""
    high, wide = nearness.shape
    seen = np.zeros(points.shape[:2], np.bool_)
    for s in range(points.shape[0]):
        for j in range(points.shape[1]):
            x, y = points[s, j, 0], points[s, j, 1]
            if 0 <= x < wide and 0 <= y < high:
                seen[s, j] = 1.0 / (points[s, j, 2] - bias) >= nearness[int(y), int(x)]
    return seen


@njit(cache=True)
def near_to_far(points, seen):
    """Indices of the segments of fibres [s, k, 3] with an end that is seen, nearest first: a counting sort by
    distance.
    """
    strands, nodes = points.shape[0], points.shape[1]
    segments = strands * (nodes - 1)
    keys = np.full(segments, -1, np.int32)
    low, high = 1e9, -1e9
    for s in range(strands):
        for j in range(nodes):
            low, high = min(low, points[s, j, 2]), max(high, points[s, j, 2])
    found = 0
    buckets = 4096
    scale = (buckets - 1) / max(high - low, 1e-6)
    counts = np.zeros(buckets + 1, np.int64)
    for s in range(strands):
        for j in range(nodes - 1):
            if not (seen[s, j] or seen[s, j + 1]):
                continue
            found += 1
            key = int((0.5 * (points[s, j, 2] + points[s, j + 1, 2]) - low) * scale)
            keys[s * (nodes - 1) + j] = key
            counts[key + 1] += 1
    for b in range(buckets):
        counts[b + 1] += counts[b]
    order = np.empty(found, np.int32)
    for i in range(segments):
        if keys[i] >= 0:
            order[counts[keys[i]]] = i
            counts[keys[i]] += 1
    return order


@njit(cache=True, fastmath=True)
def lay_fibres(points, order, widths, opacity, colours, nearness, bias, solid, laid, through):
    """Lays fibres over each other, nearest first, as soft lines that solids hide.

    points [s, k, 3] on the screen · widths [s, k] in pixels, opacity [s, k], colours [s, k, 3] · nearness: the solids'
    z-buffer, before which a fibre counts as `bias` decimetres nearer than it is; `solid` ones enter it · laid [h, w, 3]
    gathers their light, and through [h, w] what they let through. A fibre thinner than a pixel is drawn a pixel wide
    and as much fainter.
    """
    high, wide = nearness.shape
    nodes = points.shape[1]
    for index in order:
        s, j = index // (nodes - 1), index % (nodes - 1)
        x0, y0, z0 = points[s, j, 0], points[s, j, 1], points[s, j, 2]
        x1, y1, z1 = points[s, j + 1, 0], points[s, j + 1, 1], points[s, j + 1, 2]
        dx, dy = x1 - x0, y1 - y0
        steep = abs(dy) > abs(dx)
        if steep:
            x0, y0, x1, y1 = y0, x0, y1, x1
            dx, dy = dy, dx
        flip = x1 < x0
        if flip:
            x0, y0, z0, x1, y1, z1 = x1, y1, z1, x0, y0, z0
            dx, dy = -dx, -dy
        a, b = (j + 1, j) if flip else (j, j + 1)
        longest = max(dx, np.float32(1e-3))
        slope = dy / longest
        upright = np.float32(1.0 / sqrt(1.0 + slope * slope))
        across, along = (wide, high) if steep else (high, wide)
        for x in range(max(0, int(floor(x0))), min(along - 1, int(floor(x1))) + 1):
            # How much of this column the segment spans, so that neighbouring segments do not count it twice.
            span = min(x + np.float32(1.0), x1) - max(np.float32(x), x0)
            if span <= 0.0:
                continue
            if solid or dx <= 1e-3:
                span = np.float32(1.0)
            t = min(max((x + np.float32(0.5) - x0) / longest, np.float32(0.0)), np.float32(1.0))
            u = np.float32(1.0) - t
            width = widths[s, a] * u + widths[s, b] * t
            strength = (opacity[s, a] * u + opacity[s, b] * t) * span
            if width < 1.0:
                strength *= width
                width = np.float32(1.0)
            half = np.float32(0.5) * width
            reach = half / upright + np.float32(0.5)
            y = y0 + slope * (x + np.float32(0.5) - x0)
            near = np.float32(1.0) / (z0 * u + z1 * t - bias)
            red = colours[s, a, 0] * u + colours[s, b, 0] * t
            green = colours[s, a, 1] * u + colours[s, b, 1] * t
            blue = colours[s, a, 2] * u + colours[s, b, 2] * t
            for row in range(max(0, int(floor(y - reach))), min(across - 1, int(floor(y + reach))) + 1):
                r, c = (x, row) if steep else (row, x)
                left = through[r, c]
                if left < 0.02 or near < nearness[r, c]:
                    continue
                part = half - abs(row + np.float32(0.5) - y) * upright + np.float32(0.5)
                if part <= 0.0:
                    continue
                share = left * strength * min(part, np.float32(1.0))
                laid[r, c, 0] += red * share
                laid[r, c, 1] += green * share
                laid[r, c, 2] += blue * share
                through[r, c] = left - share
                if solid and share > 0.5:
                    nearness[r, c] = near
