"""Light on skin, lips, eyes, teeth and cloth: one compiled pass over the z-buffer.

Diffuse light, albedo and gloss are written apart, so that light can spread under the skin before they are joined. The
models are the field's usual ones: GGX gloss (Walter et al., 2007) and wrapped diffuse light for skin.
"""

from math import atan2, cos, floor, sin, sqrt

import numpy as np
from numba import njit

from .materials import CLOTH, EYE, SKIN, TEETH, TONGUE

_PI = 3.14159265


@njit(cache=True, fastmath=True)
def _smooth(low, high, x):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True, fastmath=True)
def _hash(x, y):
    s = sin(x * 127.1 + y * 311.7) * 43758.5453
    return s - floor(s)


@njit(cache=True, fastmath=True)
def _noise(x, y):
    i, j = floor(x), floor(y)
    u, v = x - i, y - j
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    upper = _hash(i, j) * (1 - u) + _hash(i + 1, j) * u
    lower = _hash(i, j + 1) * (1 - u) + _hash(i + 1, j + 1) * u
    return upper * (1 - v) + lower * v


@njit(cache=True, fastmath=True)
def _texel(texture, u, v, out):
    """All channels at u, v of 0…1, bilinear."""
    high, wide = texture.shape[0], texture.shape[1]
    x = min(max(u * (wide - 1), 0.0), wide - 1.001)
    y = min(max(v * (high - 1), 0.0), high - 1.001)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    a, b, c, d = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    for k in range(texture.shape[2]):
        out[k] = (
            a * texture[j, i, k] + b * texture[j, i + 1, k] + c * texture[j + 1, i, k] + d * texture[j + 1, i + 1, k]
        )


@njit(cache=True, fastmath=True)
def _relief(texture, u, v, wrinkles):
    high, wide = texture.shape[0], texture.shape[1]
    x = min(max(u * (wide - 1), 0.0), wide - 1.001)
    y = min(max(v * (high - 1), 0.0), high - 1.001)
    i, j = int(x), int(y)
    fx, fy = x - i, y - j
    total = 0.0
    for k in range(4):
        raised = 1.0 if k == 0 else wrinkles[k - 1]
        if raised > 0.01:
            upper = texture[j, i, 4 + k] * (1 - fx) + texture[j, i + 1, 4 + k] * fx
            lower = texture[j + 1, i, 4 + k] * (1 - fx) + texture[j + 1, i + 1, 4 + k] * fx
            total += raised * (upper * (1 - fy) + lower * fy)
    return total


@njit(cache=True, fastmath=True)
def lamp_reaches(lighting, x, y, z, bias):
    """How much of the first lamp a point sees, 0…1."""
    rows, size = lighting.shadow_rows, lighting.shadow.shape[0]
    sx = rows[0, 0] * x + rows[0, 1] * y + rows[0, 2] * z + lighting.shadow_offset[0]
    sy = rows[1, 0] * x + rows[1, 1] * y + rows[1, 2] * z + lighting.shadow_offset[1]
    depth = rows[2, 0] * x + rows[2, 1] * y + rows[2, 2] * z
    total = 0.0
    for p in range(-2, 3):
        for q in range(-2, 3):
            i, j = int(sx + p * lighting.softness), int(sy + q * lighting.softness)
            if i < 0 or j < 0 or i >= size or j >= size:
                total += 1.0
            else:
                before = lighting.shadow[j, i] - depth
                total += 1.0 if before < bias else max(0.0, 1.0 - (before - bias) * 33.0)
    return total / 25


@njit(cache=True, fastmath=True)
def _openness(nearness, y, x, pixels, ring):
    """Share of the surroundings that does not stand before a pixel: ambient occlusion in screen space."""
    high, wide = nearness.shape
    here = 1.0 / nearness[y, x]
    turn = (x * 12.9898 + y * 78.233) * 0.37
    hidden = 0.0
    for s in range(ring.shape[0]):
        c, d = cos(turn), sin(turn)
        ox, oy = (ring[s, 0] * c - ring[s, 1] * d) * pixels, (ring[s, 0] * d + ring[s, 1] * c) * pixels
        i, j = int(x + ox), int(y + oy)
        if i < 0 or j < 0 or i >= wide or j >= high or nearness[j, i] == 0.0:
            continue
        before = here - 1.0 / nearness[j, i]
        if before > 0.015:
            apart = sqrt(ox * ox + oy * oy) / pixels
            hidden += before / sqrt(before * before + apart * apart) * max(0.0, 1.0 - before * 1.8)
    return max(0.0, 1.0 - hidden / ring.shape[0] * 2.6)


@njit(cache=True, fastmath=True)
def _iris(surface, lx, ly, radius, key_x, key_y, colour):
    """Colours the eye at a direction of its own axes, `radius` from its middle."""
    vein = _noise(lx * 26 + 5, ly * 60)
    red = _smooth(0.42, 1.0, radius)
    colour[0], colour[1], colour[2] = (
        0.84 - 0.10 * red,
        0.80 - (0.26 + 0.12 * vein) * red,
        0.77 - (0.26 + 0.12 * vein) * red,
    )
    inside = 1 - _smooth(surface.iris_size * 0.92, surface.iris_size * 1.07, radius)
    if inside <= 0:
        return
    angle, t = atan2(ly, lx), radius / surface.iris_size
    fibres = 0.72 + 0.45 * _noise(angle * 9 + 100, t * 5) + 0.3 * (_noise(angle * 26 + 50, t * 12) - 0.5)
    fibres *= 0.8 + 0.5 * _smooth(0.3, 0.75, t)
    rim = 1 - 0.72 * _smooth(0.74, 1.0, t)
    middle = 1 - _smooth(0.30, 0.62, t)
    gathered = 0.85 + 0.9 * max(0.0, -(lx * key_x + ly * key_y)) / surface.iris_size
    black = 1 - _smooth(surface.pupil - 0.05, surface.pupil + 0.03, t)
    for c in range(3):
        tone = (surface.iris[0, c] * middle + surface.iris[1, c] * (1 - middle)) * fibres * rim * gathered
        colour[c] += (tone * (1 - black) + 0.004 * black - colour[c]) * inside


@njit(cache=True, fastmath=True)
def shade_solids(
    nearness, owner, first, second, triangles, material, points, normals, traits, surface, lighting, turn, pixels, ring,
    light, albedo, gloss, shows,
):  # fmt: skip
    """Fills light, albedo and gloss [h, w, 3] and `shows` [h, w] where a triangle is seen.

    traits [n, 8] by material. Skin: u, v, lips, inside of the mouth, depth under the cloth's edge (above 0 is cloth),
    depth in the mouth, closeness of creases, nostril. Eye: direction in its own axes, side. Teeth: place across, gum to
    edge, depth. Tongue: depth third. Glasses: colour, roughness. Openness and the lamp's shadow are found once for
    every two by two.
    """
    high, wide = owner.shape
    texel = np.zeros(8, np.float32)
    colour = np.zeros(3, np.float32)
    lamps = lighting.directions.shape[0]
    for block_y in range(0, high, 2):
        for block_x in range(0, wide, 2):
            known = False
            block_open, block_lit = 1.0, 1.0
            skin = 0
            for corner in range(4):
                t = owner[block_y + corner // 2, block_x + corner % 2]
                skin += t >= 0 and material[t] == SKIN
            # Skin and cloth alone: their colour is soft enough to be found once. Edges, eyes and teeth are not.
            for corner in range(1 if skin == 4 else 4):
                y, x = block_y + corner // 2, block_x + corner % 2
                t = owner[y, x]
                if t < 0:
                    shows[y, x] = 0
                    continue
                m = material[t]
                i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                u, v = first[y, x], second[y, x]
                w = 1 - u - v
                px = u * points[i, 0] + v * points[j, 0] + w * points[k, 0]
                py = u * points[i, 1] + v * points[j, 1] + w * points[k, 1]
                pz = u * points[i, 2] + v * points[j, 2] + w * points[k, 2]
                nx = u * normals[i, 0] + v * normals[j, 0] + w * normals[k, 0]
                ny = u * normals[i, 1] + v * normals[j, 1] + w * normals[k, 1]
                nz = u * normals[i, 2] + v * normals[j, 2] + w * normals[k, 2]
                a0 = u * traits[i, 0] + v * traits[j, 0] + w * traits[k, 0]
                a1 = u * traits[i, 1] + v * traits[j, 1] + w * traits[k, 1]
                a2 = u * traits[i, 2] + v * traits[j, 2] + w * traits[k, 2]
                a3 = u * traits[i, 3] + v * traits[j, 3] + w * traits[k, 3]
                if not known:
                    known = True
                    block_open = _openness(nearness, y, x, pixels, ring)
                    block_lit = lamp_reaches(lighting, px, py, pz, 0.03)
                free, lit = block_open, block_lit
                vx, vy, vz = turn.camera[0] - px, turn.camera[1] - py, turn.camera[2] - pz
                length = sqrt(vx * vx + vy * vy + vz * vz)
                vx, vy, vz = vx / length, vy / length, vz / length
                rough, mirror, wrap = 0.5, 0.04, 0.0
                if m == SKIN:
                    cloth = u * traits[i, 4] + v * traits[j, 4] + w * traits[k, 4]
                    deep = u * traits[i, 5] + v * traits[j, 5] + w * traits[k, 5]
                    crease = u * traits[i, 6] + v * traits[j, 6] + w * traits[k, 6]
                    nostril = u * traits[i, 7] + v * traits[j, 7] + w * traits[k, 7]
                    _texel(surface.texture, a0, a1, texel)
                    colour[0], colour[1], colour[2], rough = texel[0], texel[1], texel[2], texel[3]
                    if cloth > 0 and a3 < 0.5:
                        m = CLOTH
                        edge = _smooth(0.0, 0.012, cloth)
                        weave = 0.95 + 0.1 * _noise(a0 * 900, a1 * 420)
                        other = 0.0
                        if surface.pattern == 1:
                            other = _smooth(0.45, 0.5, (cloth * 6) % 1) * (1 - _smooth(0.95, 1.0, (cloth * 6) % 1))
                        elif surface.pattern == 2:
                            weave *= 0.88 + 0.12 * sin(a0 * 1300) * sin(a1 * 700)
                        if cloth < 0.06:
                            weave *= 0.8 + 0.2 * _smooth(0.04, 0.06, cloth)
                        for c in range(3):
                            tone = (surface.cloth[c] * (1 - other) + surface.second_cloth[c] * other) * weave
                            colour[c] += (tone - colour[c]) * edge
                        rough, mirror = 0.85, 0.02
                        fold = 0.16 * _smooth(0.03, 0.3, cloth)
                        nx += fold * (_noise(px * 4 + py * 2, py * 1.2 + 7) - 0.5) * 2
                        ny += fold * (_noise(px * 3 + 3, py * 3) - 0.5)
                    else:
                        # The relief tilts the normal along the map's two directions, turned with the head.
                        e = 1.2 / surface.texture.shape[1]
                        du = _relief(surface.texture, a0 + e, a1, surface.wrinkles)
                        du -= _relief(surface.texture, a0 - e, a1, surface.wrinkles)
                        dv = _relief(surface.texture, a0, a1 + e, surface.wrinkles)
                        dv -= _relief(surface.texture, a0, a1 - e, surface.wrinkles)
                        angle = (a0 - 0.5) * 2 * _PI
                        tx, tz = cos(angle), -sin(angle)
                        amount = surface.relief * (1 - 0.8 * _smooth(0.2, 0.7, a2))
                        for c in range(3):
                            bend = amount * (du * (turn.head[c, 0] * tx + turn.head[c, 2] * tz) - dv * turn.head[c, 1])
                            if c == 0:
                                nx -= bend
                            elif c == 1:
                                ny -= bend
                            else:
                                nz -= bend
                        lip = _smooth(0.28, 0.72, a2) * (1 - _smooth(0.4, 0.9, a3))
                        if lip > 0.0:
                            streak = 0.9 + 0.2 * _noise(a0 * 900, a1 * 60)
                            for c in range(3):
                                colour[c] += (surface.lip[c] * streak - colour[c]) * lip
                            rough += (0.42 - 0.16 * surface.lip_gloss - rough) * lip
                            mirror += 0.03 * lip
                        if a3 > 0.02:
                            inner = _smooth(0.3, 0.9, a3)
                            colour[0] += (0.28 - colour[0]) * inner
                            colour[1] += (0.07 - colour[1]) * inner
                            colour[2] += (0.065 - colour[2]) * inner
                            depth = _smooth(0.0, 0.45, deep)
                            free *= 1 - inner * (0.30 + 0.66 * depth)
                            lit *= 1 - inner * (0.25 + 0.72 * depth)
                            rough += (0.3 - rough) * inner
                            if depth > 0.5:
                                mirror *= 0.2
                        if nostril > 0.01:
                            hole = _smooth(0.1, 0.8, nostril)
                            for c in range(3):
                                colour[c] *= 1 - hole * (0.72 if c == 0 else 0.84)
                            mirror *= 1 - hole
                        dim = 1 - 0.72 * min(max(crease, 0.0), 1.0)
                        free *= dim
                        lit *= 0.35 + 0.65 * dim
                        wrap = 0.32
                elif m == EYE:
                    length = sqrt(a0 * a0 + a1 * a1 + a2 * a2)
                    lx, ly, lz = a0 / length, a1 / length, a2 / length
                    radius = sqrt(lx * lx + ly * ly) if lz > 0 else 1.0
                    side = 1 if a3 > 0.5 else 0
                    eye = turn.eyes[side]
                    key_x = eye[0, 0] * lighting.directions[0, 0] + eye[1, 0] * lighting.directions[0, 1]
                    key_y = eye[0, 1] * lighting.directions[0, 0] + eye[1, 1] * lighting.directions[0, 1]
                    _iris(surface, lx, ly, radius, key_x, key_y, colour)
                    # The upper lid and its lashes shade the ball; corners lie deep.
                    lid = _smooth(-0.2, 0.62, ly) * 0.55 + 0.3 * _smooth(0.5, 0.95, radius)
                    free *= (0.6 + 0.4 * free) * (1 - 0.75 * lid)
                    lit *= 1 - 0.7 * lid
                    rough, mirror, wrap = 0.06, 0.05, 0.28
                    if radius < surface.iris_size * 1.06:
                        bulge = 0.5
                        nx += bulge * (eye[0, 0] * lx + eye[0, 1] * ly)
                        ny += bulge * (eye[1, 0] * lx + eye[1, 1] * ly)
                        nz += bulge * (eye[2, 0] * lx + eye[2, 1] * ly)
                elif m == TEETH:
                    place = abs(a0)
                    within = place - floor(place)
                    between = 0.11 + 0.10 * _smooth(0.75, 1.0, a1)  # edges are round at their corners
                    gap = _smooth(0.0, between, within) * _smooth(0.0, between, 1 - within)
                    gum = _smooth(0.16, 0.26, a1 - 0.16 * (1 - gap))
                    for c in range(3):
                        enamel = surface.teeth[c] * (0.62 + 0.38 * gap) * (0.9 + 0.1 * _smooth(0.2, 0.9, a1))
                        flesh = 0.46 if c == 0 else 0.16
                        colour[c] = flesh + (enamel - flesh) * gum
                    depth = _smooth(0.02, 0.5, a2)
                    # Lips and enamel throw light back at them: teeth are never as dark as what surrounds them.
                    free = (0.4 + 0.6 * free) * (1 - 0.75 * depth)
                    lit = (0.35 + 0.65 * lit) * (1 - 0.8 * depth) * 0.85
                    rough, mirror, wrap = 0.22, 0.045, 0.35
                elif m == TONGUE:
                    colour[0], colour[1], colour[2] = 0.50, 0.17, 0.16
                    depth = _smooth(0.0, 0.5, a2)
                    free *= (1 - 0.8 * depth) * 0.85
                    lit *= (1 - 0.85 * depth) * 0.6
                    rough, mirror, wrap = 0.35, 0.045, 0.3
                else:
                    colour[0], colour[1], colour[2], rough, mirror = a0, a1, a2, a3, 0.06
                shows[y, x] = m
                length = sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
                nx, ny, nz = nx / length, ny / length, nz / length
                facing = max(0.03, nx * vx + ny * vy + nz * vz)
                narrow = (rough * rough) ** 2
                for c in range(3):
                    light[y, x, c] = 0.0
                    gloss[y, x, c] = 0.0
                for n in range(lamps):
                    dx, dy, dz = lighting.directions[n, 0], lighting.directions[n, 1], lighting.directions[n, 2]
                    towards = nx * dx + ny * dy + nz * dz
                    seen = lit if n == 0 else 0.45 + 0.55 * free
                    # Light that entered skin beside a shadow comes out red in it.
                    bled = 0.65 * seen + 0.35 * sqrt(seen) if m == SKIN and n == 0 else seen
                    for c in range(3):
                        spread = wrap * (1.0 if c == 0 else 0.55 if c == 1 else 0.4)
                        diffuse = max(0.0, (towards + spread) / (1 + spread))
                        light[y, x, c] += lighting.colours[n, c] * diffuse * (bled if c == 0 else seen)
                    if towards <= 0.0:
                        continue
                    if m == EYE:
                        along = 2 * facing
                        rx, ry, rz = along * nx - vx, along * ny - vy, along * nz - vz
                        box = rx * dx + ry * dy + rz * dz
                        shine = _smooth(0.94, 0.985, box) * (1.1 if n == 0 else 0.16) * (0.5 + 0.5 * seen)
                    else:
                        hx, hy, hz = dx + vx, dy + vy, dz + vz
                        length = sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                        half = max(0.0, (nx * hx + ny * hy + nz * hz) / length)
                        open_angle = max(0.0, (vx * hx + vy * hy + vz * hz) / length)
                        fresnel = mirror + (1 - mirror) * (1 - open_angle) ** 5
                        d = half * half * (narrow - 1) + 1
                        shine = narrow / (_PI * d * d)
                        if m == SKIN:  # a second, broad lobe
                            d = half * half * (0.35 - 1) + 1
                            shine = 0.75 * shine + 0.25 * 0.35 / (_PI * d * d)
                        flat = 0.5 * rough * rough + 0.04
                        shine *= 0.25 * fresnel * towards * seen
                        shine /= (towards * (1 - flat) + flat) * (facing * (1 - flat) + flat)
                    for c in range(3):
                        gloss[y, x, c] += lighting.colours[n, c] * shine
                above = 0.5 + 0.5 * ny
                grazing = (mirror * 0.5 + (1 - facing) ** 4 * 0.22 * (1 - rough)) * free
                for c in range(3):
                    dome = lighting.sky[c] * above + lighting.ground[c] * (1 - above)
                    light[y, x, c] += dome * (free**0.75 if m == SKIN and c == 0 else free)
                    gloss[y, x, c] += lighting.sky[c] * grazing
                    albedo[y, x, c] = colour[c]
            if skin == 4:
                for corner in range(1, 4):
                    y, x = block_y + corner // 2, block_x + corner % 2
                    shows[y, x] = shows[block_y, block_x]
                    for c in range(3):
                        light[y, x, c] = light[block_y, block_x, c]
                        gloss[y, x, c] = gloss[block_y, block_x, c]
                        albedo[y, x, c] = albedo[block_y, block_x, c]
