package edu.cmu.meteor.aligner;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringTokenizer;
import java.util.zip.GZIPInputStream;

/**
 * Replaces METEOR's class of this name, which reads 16 million lines of text at every start. This one reads them once
 * and writes them to the file that the system property aac_tf.paraphrases names, from which later starts map only what
 * they look up. It finds the same paraphrases in the same order.
 *
 * <p>The file consists of big-endian integers: MAGIC, the size of the file, the sizes of the five arrays below, and the
 * arrays. Phrases are paths in a tree whose nodes are numbered breadth first, so that the children of a node follow
 * each other, sorted by word; paraphrases are numbered in the order of their phrases' nodes.
 */
public class ParaphraseTransducer {
  private static final int MAGIC = 0x4d455431;
  private static final int ARRAYS = 5;
  private static final int HEADER = 2 + ARRAYS;

  private final Map<String, Integer> vocabulary;
  private final IntBuffer firstChild; // by node
  private final IntBuffer word; // by node: the last word of its phrase
  private final IntBuffer firstParaphrase; // by node
  private final IntBuffer firstWord; // by paraphrase
  private final IntBuffer words; // of all paraphrases

  public ParaphraseTransducer(URL table) {
    String place = System.getProperty("aac_tf.paraphrases");
    Path path = place == null ? null : Paths.get(place);
    try {
      ByteBuffer stored = path == null ? null : map(path);
      if (stored == null) {
        stored = build(table);
        write(stored, path);
      }
      IntBuffer numbers = stored.asIntBuffer();
      IntBuffer[] arrays = new IntBuffer[ARRAYS];
      int start = HEADER;
      for (int k = 0; k < ARRAYS; k++) {
        numbers.limit(start + numbers.get(2 + k)).position(start);
        arrays[k] = numbers.slice();
        start += numbers.get(2 + k);
        numbers.clear();
      }
      firstChild = arrays[0];
      word = arrays[1];
      firstParaphrase = arrays[2];
      firstWord = arrays[3];
      words = arrays[4];
      stored.position(4 * start);
      String[] known = StandardCharsets.UTF_8.decode(stored.slice()).toString().split("\n");
      vocabulary = new HashMap<>(2 * known.length);
      for (int id = 0; id < known.length; id++) {
        vocabulary.put(known[id], id);
      }
    } catch (IOException error) {
      throw new RuntimeException("Error: cannot read the paraphrases (" + table + "): " + error, error);
    }
  }

  public int translate(String text) {
    return vocabulary.getOrDefault(text, -1);
  }

  public int[] translate(String[] texts) {
    return translate(new ArrayList<>(Arrays.asList(texts)));
  }

  public int[] translate(ArrayList<String> texts) {
    int[] ids = new int[texts.size()];
    for (int k = 0; k < ids.length; k++) {
      ids[k] = translate(texts.get(k));
    }
    return ids;
  }

  /** Paraphrases of the phrases that begin at a word: the length of a phrase and its paraphrase's number, in turn. */
  public int[] getReferencePaths(int[] ids, int start) {
    int[] found = new int[16];
    int size = 0;
    int node = 0;
    for (int place = start; place < ids.length; place++) {
      node = child(node, ids[place]);
      if (node < 0) {
        break;
      }
      for (int number = firstParaphrase.get(node); number < firstParaphrase.get(node + 1); number++) {
        if (size == found.length) {
          found = Arrays.copyOf(found, 2 * size);
        }
        found[size++] = place - start + 1;
        found[size++] = number;
      }
    }
    return Arrays.copyOf(found, size);
  }

  public int[] getParaphrase(int number) {
    int[] found = new int[firstWord.get(number + 1) - firstWord.get(number)];
    for (int k = 0; k < found.length; k++) {
      found[k] = words.get(firstWord.get(number) + k);
    }
    return found;
  }

  private int child(int node, int id) {
    int low = firstChild.get(node);
    int high = firstChild.get(node + 1) - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int found = word.get(middle);
      if (found == id) {
        return middle;
      }
      if (found < id) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -1;
  }

  /** Maps a file; null if there is none or it is not whole. */
  private static ByteBuffer map(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      return null;
    }
    try (FileChannel file = FileChannel.open(path)) {
      ByteBuffer stored = file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
      boolean whole = file.size() > 4 * HEADER && stored.getInt(0) == MAGIC && stored.getInt(4) == file.size();
      return whole ? stored : null;
    }
  }

  private static void write(ByteBuffer stored, Path path) {
    if (path == null) {
      return;
    }
    Path unfinished = null;
    try {
      unfinished = Files.createTempFile(path.toAbsolutePath().getParent(), "paraphrases", ".part");
      try (FileChannel file = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
        ByteBuffer rest = stored.duplicate();
        while (rest.hasRemaining()) {
          file.write(rest);
        }
      }
      Files.move(unfinished, path, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException full) {
      if (unfinished != null) {
        unfinished.toFile().delete(); // it works without the file
      }
    }
  }

  private static final int[] NONE = {};

  private static final class Node implements Comparable<Node> {
    private final int word;
    private Map<Integer, Node> children; // null if there are none, as for most
    private int[] paraphrases = NONE;

    private Node(int word) {
      this.word = word;
    }

    private Node child(int id) {
      if (children == null) {
        children = new HashMap<>(2);
      }
      return children.computeIfAbsent(id, Node::new);
    }

    @Override
    public int compareTo(Node other) {
      return Integer.compare(word, other.word);
    }
  }

  private static ByteBuffer build(URL table) throws IOException {
    Map<String, Integer> vocabulary = new HashMap<>();
    List<String> known = new ArrayList<>();
    List<int[]> paraphrases = new ArrayList<>();
    Node root = new Node(-1);
    GZIPInputStream text = new GZIPInputStream(table.openStream(), 1 << 16);
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(text, StandardCharsets.UTF_8))) {
      while (lines.readLine() != null) { // the probability, which METEOR ignores
        int[] phrase = ids(lines.readLine(), vocabulary, known);
        paraphrases.add(ids(lines.readLine(), vocabulary, known));
        Node node = root;
        for (int id : phrase) {
          node = node.child(id);
        }
        node.paraphrases = Arrays.copyOf(node.paraphrases, node.paraphrases.length + 1);
        node.paraphrases[node.paraphrases.length - 1] = paraphrases.size() - 1;
      }
    }
    List<Node> nodes = new ArrayList<>();
    nodes.add(root);
    int total = paraphrases.stream().mapToInt(found -> found.length).sum();
    IntBuffer words = IntBuffer.allocate(total);
    IntBuffer firstWord = IntBuffer.allocate(paraphrases.size() + 1);
    firstWord.put(0);
    List<Integer> firstChild = new ArrayList<>();
    List<Integer> firstParaphrase = new ArrayList<>();
    for (int k = 0; k < nodes.size(); k++) {
      Node node = nodes.get(k);
      firstChild.add(nodes.size());
      firstParaphrase.add(firstWord.position() - 1);
      if (node.children != null) {
        Node[] children = node.children.values().toArray(new Node[0]);
        Arrays.sort(children);
        nodes.addAll(Arrays.asList(children));
      }
      for (int number : node.paraphrases) {
        words.put(paraphrases.get(number));
        firstWord.put(words.position());
      }
    }
    firstChild.add(nodes.size());
    firstParaphrase.add(paraphrases.size());
    byte[] names = String.join("\n", known).getBytes(StandardCharsets.UTF_8);
    int[] sizes = {firstChild.size(), nodes.size(), firstParaphrase.size(), firstWord.capacity(), total};
    ByteBuffer stored = ByteBuffer.allocate(Math.addExact(4 * (HEADER + Arrays.stream(sizes).sum()), names.length));
    IntBuffer numbers = stored.asIntBuffer();
    numbers.put(MAGIC).put(stored.capacity()).put(sizes);
    firstChild.forEach(numbers::put);
    nodes.forEach(node -> numbers.put(node.word));
    firstParaphrase.forEach(numbers::put);
    numbers.put(firstWord.array()).put(words.array());
    stored.position(4 * numbers.position());
    stored.put(names);
    stored.rewind();
    return stored;
  }

  private static int[] ids(String phrase, Map<String, Integer> vocabulary, List<String> known) {
    StringTokenizer texts = new StringTokenizer(phrase);
    int[] ids = new int[texts.countTokens()];
    for (int k = 0; k < ids.length; k++) {
      String text = texts.nextToken();
      Integer id = vocabulary.get(text);
      if (id == null) {
        id = known.size();
        vocabulary.put(text, id);
        known.add(text);
      }
      ids[k] = id;
    }
    return ids;
  }
}
