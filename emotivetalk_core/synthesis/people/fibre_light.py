"""Light on hair, brows, lashes and wires, found at the fibres' nodes.

The two shifted highlights of Marschner et al. (2003) in Kajiya and Kay's (1989) cheap form.
"""

from math import exp, sqrt

from numba import njit


@njit(cache=True, fastmath=True)
def shade_fibres(points, shown, outward, base, depth_in_hair, shine, lighting, camera, colours):
    """Light on fibres' nodes: colours [s, k, 3] from points [s, k, 3], the surface's direction `outward` [s, k, 3],
    their own colour `base` [s, k, 3], where they or their neighbours are `shown` [s, k], and how far out in the hair
    they lie, `depth_in_hair` [s, k] 0…1.
    """
    strands, nodes = points.shape[0], points.shape[1]
    for s in range(strands):
        for j in range(nodes):
            a, b = max(0, j - 1), min(nodes - 1, j + 1)
            if not (shown[s, j] or shown[s, a] or shown[s, b]):
                continue
            tx, ty, tz = (
                points[s, b, 0] - points[s, a, 0],
                points[s, b, 1] - points[s, a, 1],
                points[s, b, 2] - points[s, a, 2],
            )
            length = sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
            tx, ty, tz = tx / length, ty / length, tz / length
            x, y, z = points[s, j, 0], points[s, j, 1], points[s, j, 2]
            vx, vy, vz = camera[0] - x, camera[1] - y, camera[2] - z
            length = sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx / length, vy / length, vz / length
            ox, oy, oz = outward[s, j, 0], outward[s, j, 1], outward[s, j, 2]
            open_share = 0.22 + 0.78 * depth_in_hair[s, j]
            above = 0.5 + 0.5 * oy
            for c in range(3):
                dome = lighting.sky[c] * above + lighting.ground[c] * (1 - above)
                colours[s, j, c] = base[s, j, c] * dome * open_share
            for n in range(lighting.directions.shape[0]):
                dx, dy, dz = lighting.directions[n, 0], lighting.directions[n, 1], lighting.directions[n, 2]
                seen = open_share
                if n == 0:
                    rows = lighting.shadow_rows
                    i = int(rows[0, 0] * x + rows[0, 1] * y + rows[0, 2] * z + lighting.shadow_offset[0])
                    k = int(rows[1, 0] * x + rows[1, 1] * y + rows[1, 2] * z + lighting.shadow_offset[1])
                    if 0 <= i < lighting.shadow.shape[1] and 0 <= k < lighting.shadow.shape[0]:
                        before = lighting.shadow[k, i] - (rows[2, 0] * x + rows[2, 1] * y + rows[2, 2] * z)
                        seen *= exp(-max(0.0, before - 0.02) * 5.0) * 0.75 + 0.25
                along = tx * dx + ty * dy + tz * dz
                side = sqrt(max(0.0, 1 - along * along))
                faces = max(0.0, (ox * dx + oy * dy + oz * dz) * 0.72 + 0.28)
                hx, hy, hz = dx + vx, dy + vy, dz + vz
                length = sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                hx, hy, hz = hx / length, hy / length, hz / length
                up = tx * hx + ty * hy + tz * hz
                lean = ox * hx + oy * hy + oz * hz
                first = max(0.0, 1 - (up + 0.10 * lean) ** 2) ** 36
                second = max(0.0, 1 - (up - 0.17 * lean) ** 2) ** 11
                for c in range(3):
                    tone = base[s, j, c] * (side + 0.6 * second * shine) + 0.07 * first * shine
                    colours[s, j, c] += lighting.colours[n, c] * faces * seen * tone
