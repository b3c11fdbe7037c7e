import edu.anu.spice.SceneGraph;
import edu.anu.spice.SpiceParser;
import edu.anu.spice.SpiceStats;
import edu.anu.spice.TupleFilter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.json.simple.JSONArray;
import org.json.simple.JSONObject;
import org.json.simple.parser.JSONParser;

/**
 * SPICE as a program that answers line by line. SpiceScorer takes all captions at once, shows no progress and writes
 * its cache only once per 10,000 captions, so that a stopped run keeps nothing.
 *
 * <p>Each line of standard input is a JSON array, and each answer is one line of standard output:
 *
 * <ul>
 *   <li>captions, as strings: parses them and answers their number;
 *   <li>items, as objects with image_id, test and refs: scores them and answers as SpiceScorer does.
 * </ul>
 *
 * <p>The arguments are the number of bytes of the longest caption to cache and the folder of the cache; without a
 * folder there is no cache. The program ends when standard input does, so also when its parent is killed.
 */
public final class SpiceProgram extends SpiceParser {
  private static final int PATIENCE = 3000; // milliseconds

  private final int longest;
  private final Map<String, ArrayList<ArrayList<String>>> parsed = new HashMap<>();

  private SpiceProgram(int longest, String cache) {
    super(cache, Runtime.getRuntime().availableProcessors(), true);
    this.longest = longest;
  }

  /** Tuples by caption; only captions that were not parsed before are parsed. */
  @Override
  protected Map<String, ArrayList<ArrayList<String>>> loadTuples(List<String> captions) {
    Set<String> cached = new LinkedHashSet<>();
    Set<String> others = new LinkedHashSet<>();
    for (String caption : captions) {
      if (!parsed.containsKey(caption)) {
        boolean fits = caption.getBytes(StandardCharsets.UTF_8).length <= longest;
        (db != null && fits ? cached : others).add(caption);
      }
    }
    if (!cached.isEmpty()) {
      parsed.putAll(loadTuplesFromDB(new ArrayList<>(cached), true));
    }
    if (!others.isEmpty()) {
      parsed.putAll(generateTuples(new ArrayList<>(others)));
    }
    return parsed;
  }

  private String answer(JSONArray request) {
    if (request.isEmpty() || request.get(0) instanceof String) {
      List<String> captions = new ArrayList<>();
      for (Object caption : request) {
        captions.add((String) caption);
      }
      loadTuples(captions);
      return Integer.toString(captions.size());
    }
    SpiceStats stats = new SpiceStats(Collections.<String, TupleFilter>emptyMap(), false);
    for (Object entry : request) {
      JSONObject item = (JSONObject) entry;
      List<String> references = new ArrayList<>();
      for (Object reference : (JSONArray) item.get("refs")) {
        references.add((String) reference);
      }
      List<SceneGraph> reference = parseCaptions(references, Collections.singletonList(references.size()));
      List<SceneGraph> test = parseCaptions(Collections.singletonList((String) item.get("test")));
      stats.score(item.get("image_id"), test.get(0), reference.get(0), true);
    }
    return stats.toJSONString();
  }

  public static void main(String[] arguments) throws IOException {
    try {
      run(arguments);
    } catch (Throwable error) {
      error.printStackTrace();
      System.exit(1); // other threads may still be running
    }
  }

  private static void run(String[] arguments) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, "UTF-8");
    System.setOut(System.err); // for what SPICE and CoreNLP print
    BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    Thread reader = new Thread(() -> read(lines));
    reader.setDaemon(true);
    reader.start();
    SpiceProgram program = new SpiceProgram(Integer.parseInt(arguments[0]), arguments.length > 1 ? arguments[1] : null);
    JSONParser json = new JSONParser();
    while (true) {
      answers.println(program.answer((JSONArray) json.parse(lines.take())));
    }
  }

  /** Reads lines, and ends the program at the end of the input even if it is parsing. */
  private static void read(BlockingQueue<String> lines) {
    try (BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        lines.add(line);
      }
    } catch (IOException gone) {
      // Same as the end of the input.
    }
    Thread guard = new Thread(() -> {
      try {
        Thread.sleep(PATIENCE);
      } catch (InterruptedException early) {
        // Same as too late.
      }
      Runtime.getRuntime().halt(0);
    });
    guard.setDaemon(true);
    guard.start();
    System.exit(0); // unlike halt, removes the native library of the cache from the temporary folder
  }
}
