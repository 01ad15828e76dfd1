// Draws positions as agents/pages/boards.py describes them. No library, nothing fetched.
"use strict";
const SVG = "http://www.w3.org/2000/svg";

function shape(parent, name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

// Where the middle of a cell is, in units of a cell.
function place(board, row, column) {
  return board.look === "hexagons"
    ? [column + row / 2 + 0.5, row * 0.87 + 0.55]
    : [column + 0.5, row + 0.5];
}

function drawBoard(target, board, position, arrows) {
  const { rows, columns, look } = board;
  const hexagons = look === "hexagons";
  const width = hexagons ? columns + (rows - 1) / 2 : columns;
  const height = hexagons ? rows * 0.87 + 0.25 : rows;
  target.replaceChildren();
  target.setAttribute("viewBox", `-0.75 -0.2 ${width + 0.95} ${height + 0.85}`);
  target.setAttribute("role", "img");
  const wood = look === "points", rack = look === "rack";
  if (!hexagons)
    shape(target, "rect", { x: -0.08, y: -0.08, width: width + 0.16, height: height + 0.16, rx: 0.14,
      fill: wood ? "#dcb468" : rack ? "#2456b8" : look === "squares" ? "#2e7d57" : look === "wedges" ? "#e2bf83" : "#8a6a4f" });
  if (wood) drawLines(target, rows, columns);
  else for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) drawCell(target, board, row, column);
  const moves = look === "chequers" || look === "wedges";  // pieces move here, and leave a cell
  if (moves) for (const cell of position.last || []) mark(target, board, cell, "#ffd84d");
  for (const [row, column, owner, glyph] of position.pieces) drawPiece(target, board, row, column, owner, glyph);
  if (!moves) for (const cell of (position.last || []).slice(0, 1)) dot(target, board, cell, "#ffd84d");
  for (const cell of position.deciding || []) ring(target, board, cell, "#7dffb2");
  (arrows || []).forEach((cell, rank) => cell && hint(target, board, cell, rank));
  const ink = { "font-size": 0.3, fill: "currentColor", opacity: 0.6, "text-anchor": "middle" };
  board.columnLabels.forEach((label, column) => {
    const [x, y] = place(board, rows - 1, column);
    shape(target, "text", { ...ink, x: hexagons ? x + 0.3 : x, y: y + 0.98 }, label);
  });
  board.rowLabels.forEach((label, row) => {
    const [x, y] = place(board, row, 0);
    shape(target, "text", { ...ink, x: x - 0.9, y: y + 0.1 }, label);
  });
}

function drawLines(target, rows, columns) {
  const line = { stroke: "#5b431b", "stroke-width": 0.03 };
  for (let row = 0; row < rows; row++) shape(target, "line", { ...line, x1: 0.5, x2: columns - 0.5, y1: row + 0.5, y2: row + 0.5 });
  for (let column = 0; column < columns; column++) shape(target, "line", { ...line, y1: 0.5, y2: rows - 0.5, x1: column + 0.5, x2: column + 0.5 });
  const edge = rows >= 13 ? 3 : 2;
  if (rows === columns && rows >= 7) for (const row of [edge, rows - 1 - edge, (rows - 1) / 2]) for (const column of [edge, rows - 1 - edge, (rows - 1) / 2])
    if (Number.isInteger(row) && Number.isInteger(column)) shape(target, "circle", { cx: column + 0.5, cy: row + 0.5, r: 0.07, fill: "#5b431b" });
}

function drawCell(target, board, row, column) {
  const [x, y] = place(board, row, column);
  if (board.look === "rack") shape(target, "circle", { cx: x, cy: y, r: 0.41, fill: "#14306e" });
  else if (board.look === "hexagons") {
    const corners = [0, 1, 2, 3, 4, 5].map((k) => [x + 0.56 * Math.sin(k * Math.PI / 3), y - 0.56 * Math.cos(k * Math.PI / 3)].join());
    shape(target, "polygon", { points: corners.join(" "), fill: "#efe9dc", stroke: "#b9ae97", "stroke-width": 0.05 });
  } else {
    const dark = (row + column) % 2;
    const fill = board.look === "chequers" ? (dark ? "#b58863" : "#f0d9b5") : board.look === "wedges" ? "#edd0a0" : "#3b9168";
    shape(target, "rect", { x: x - 0.49, y: y - 0.49, width: 0.98, height: 0.98, fill });
  }
}

function pieceColours(board, owner) {
  if (board.look === "rack" || board.look === "hexagons") return owner === 0 ? ["#e2424f", "#a61f2c"] : ["#f5c542", "#b98a12"];
  const light = owner === board.light;
  return light ? ["#fdfcf8", "#8d8a80"] : ["#23262e", "#000000"];
}

function drawPiece(target, board, row, column, owner, glyph) {
  const [x, y] = place(board, row, column);
  const [fill, stroke] = pieceColours(board, owner);
  if (board.look === "wedges") {
    const up = owner === 0 ? 1 : -1;
    const corners = [[0, -0.42], [0.3, -0.27], [0.38, 0.4], [-0.38, 0.4], [-0.3, -0.27]].map(([dx, dy]) => [x + dx * up, y + dy * up].join());
    shape(target, "polygon", { points: corners.join(" "), fill: "#fff3d6", stroke: "#7a5a24", "stroke-width": 0.03 });
    shape(target, "text", { x, y: y + 0.05, "font-size": glyph.length > 1 ? 0.36 : 0.42, "text-anchor": "middle", "dominant-baseline": "central",
      "font-weight": 600, fill: glyph.length > 1 ? "#b3202c" : "#2b2112", transform: owner === 0 ? "" : `rotate(180 ${x} ${y})` }, glyph);
  } else if (glyph) {
    shape(target, "text", { x, y: y + 0.03, "font-size": 0.86, "text-anchor": "middle", "dominant-baseline": "central", fill,
      stroke: owner === board.light ? "#3a3325" : "#f2ead8", "stroke-width": 0.022, "paint-order": "stroke" }, glyph);
  } else shape(target, "circle", { cx: x, cy: y, r: board.look === "points" ? 0.46 : board.look === "hexagons" ? 0.38 : 0.4, fill, stroke, "stroke-width": 0.03 });
}

function mark(target, board, [row, column], colour) {
  const [x, y] = place(board, row, column);
  shape(target, "rect", { x: x - 0.49, y: y - 0.49, width: 0.98, height: 0.98, fill: colour, opacity: 0.45 });
}

function dot(target, board, [row, column], colour) {
  const [x, y] = place(board, row, column);
  shape(target, "circle", { cx: x, cy: y, r: 0.12, fill: colour, stroke: "#3a2d00", "stroke-width": 0.03 });
}

function ring(target, board, [row, column], colour) {
  const [x, y] = place(board, row, column);
  shape(target, "circle", { cx: x, cy: y, r: 0.3, fill: "none", stroke: colour, "stroke-width": 0.09 });
}

function hint(target, board, [row, column], rank) {
  const [x, y] = place(board, row, column);
  shape(target, "circle", { cx: x, cy: y, r: 0.27, fill: "#2457c5", stroke: "white", "stroke-width": 0.035, opacity: rank ? 0.55 : 0.95 });
  shape(target, "text", { x, y: y + 0.02, "font-size": 0.32, "text-anchor": "middle", "dominant-baseline": "central", fill: "white", "font-weight": 600 }, String(rank + 1));
}

// Buttons, the arrow keys and a slider's worth of steps through a game.
function stepper(root, last, show) {
  let now = 0;
  const output = root.querySelector("output");
  const go = (ply) => {
    now = Math.max(0, Math.min(last, ply));
    if (output) output.textContent = `${now} / ${last}`;
    show(now);
  };
  root.querySelectorAll("[data-step]").forEach((button) =>
    button.addEventListener("click", () => {
      const step = button.dataset.step;
      go(step === "first" ? 0 : step === "last" ? last : now + Number(step));
    }));
  return go;
}
