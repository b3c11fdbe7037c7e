import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/**
 * Runs the main class named first among the arguments, and ends with the program that started it: standard input, which
 * that program keeps open, comes to its end however it ended.
 */
public final class EndWithParent {
  public static void main(String[] arguments) throws Throwable {
    Thread watch = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {
          // Nothing is sent.
        }
      } catch (IOException gone) {
        // As good as its end.
      }
      Runtime.getRuntime().halt(143);
    });
    watch.setDaemon(true);
    watch.start();
    try {
      Class.forName(arguments[0])
          .getMethod("main", String[].class)
          .invoke(null, (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
    } catch (InvocationTargetException error) {
      throw error.getCause();
    }
  }
}
