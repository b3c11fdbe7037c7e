import edu.anu.spice.LmdbTupleDB;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import org.json.simple.JSONArray;
import org.json.simple.JSONObject;
import org.json.simple.parser.JSONParser;

/** Writes tuples into SPICE's cache: standard input is a JSON object of captions and their tuples. */
public final class FillCache {
  public static void main(String[] arguments) throws Exception {
    JSONObject given =
        (JSONObject) new JSONParser().parse(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Map<String, ArrayList<ArrayList<String>>> tuples = new HashMap<>();
    for (Object caption : given.keySet()) {
      ArrayList<ArrayList<String>> found = new ArrayList<>();
      for (Object tuple : (JSONArray) given.get(caption)) {
        ArrayList<String> words = new ArrayList<>();
        for (Object word : (JSONArray) tuple) {
          words.add((String) word);
        }
        found.add(words);
      }
      tuples.put((String) caption, found);
    }
    new LmdbTupleDB(arguments[0]).putTransaction(tuples);
  }
}
